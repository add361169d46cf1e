"""What the Makefile calls: environment, notebooks, book, checks, repository address."""
