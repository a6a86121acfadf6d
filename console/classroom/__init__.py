"""Class mode: one offline page for thirty phones, printable cards, and a teacher's notes for an hour."""
