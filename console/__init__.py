"""The console: the web page of the sandbox. It shows and asks, and decides nothing itself."""
