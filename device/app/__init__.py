"""The commands `spectriage scan`, `devices`, `calibrate` and `check`.

They parse and print. What they do is in the rooms below; nothing should be imported from here.
"""
