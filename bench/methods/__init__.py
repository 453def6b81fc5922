"""The methods that are compared, behind one small interface.

Derive from `Method` to put your own beside the engine and the classical scores; `compare_methods` runs them.
"""
