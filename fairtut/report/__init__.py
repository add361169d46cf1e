"""What a chapter shows and what the suite concludes: claims, records, verdicts, figures, tables."""
