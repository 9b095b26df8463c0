"""The machine: devices, processes, and how members are mapped to them."""
