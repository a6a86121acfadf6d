"""The flow: what is under way, one booking hop by hop, and what happens when something breaks."""
