"""Studies floor: the experiments of the chapters, as loops over draws, seeds and methods."""
