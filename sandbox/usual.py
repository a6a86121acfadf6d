"""What a command or a page takes where nobody says otherwise. Nothing is imported here: everything may import this."""

SEED = 2008

COMPARED_BOOKINGS = 100_000
"""How many bookings a comparison samples a period with."""

LARGE_GALLERY = 1_000_000
"""People in each federal gallery where only mates are searched, so that nobody is booked over and over."""
