"""Drawings that belong to one chapter each; what chapters share is in `report.plots`."""
