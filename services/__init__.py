"""The four services of the flow and the chassis that they stand on."""
