"""The commands `spectriage bench` and `spectriage validate`.

They parse and print. What they do is in the rooms below; nothing should be imported from here.
"""
