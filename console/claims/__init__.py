"""Both sides: every claim with its lever, its number and its source."""
