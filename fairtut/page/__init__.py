"""What a reader sees of a chapter: figures, tables, prose, and sliders."""
