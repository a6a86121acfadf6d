"""ICE lodges detainers under a priority regime; the agency answers them under its policy."""
