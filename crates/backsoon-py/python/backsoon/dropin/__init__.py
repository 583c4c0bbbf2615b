"""What the distributions share that take the place of other packages: settings as rules of the core, and a seat in the fleet.

Each of them names its own settings; nothing in here knows one.
"""
