"""Models floor: networks only, no training and no data."""
