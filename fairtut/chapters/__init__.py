"""The experiments of the chapters: presets, protocols, measures, side experiments, drawings."""
