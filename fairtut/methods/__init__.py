"""Methods floor: one module or package per paper, and what they share."""
