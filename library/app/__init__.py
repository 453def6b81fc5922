"""The commands `spectriage identify`, `library` and `warmup`.

They parse and print. What they do is in the rooms below; nothing should be imported from here.
"""
