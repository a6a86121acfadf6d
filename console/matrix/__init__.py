"""One booking, thirty laws."""
