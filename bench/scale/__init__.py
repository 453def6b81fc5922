"""What many machines give: measured here on one and two workers, modelled to 10,000, checked on sleepers.

`archive` makes scans; `rates` identifies them by processes and by a cluster, in turn; `overheads` measures
what a task, a message and the library's way cost; `model` extrapolates; `sleepers` runs a real scheduler with
many workers whose tasks only sleep, and `scale` puts it on paper.
"""
