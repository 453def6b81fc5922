"""A model of many workers: who is busy for how long with one shard, and who is busy all the time first."""

from __future__ import annotations

from dataclasses import dataclass

WAYS = ("workers", "scheduler", "client")


@dataclass(frozen=True)
class Model:
    """What one shard costs everyone.

    Workers work side by side, each on one shard at a time; scheduler and client are one process each. The
    rate is that of whoever is busy all the time::

        shards a second = min( workers / (inputs · spectrum_s + worker_task_s),
                               1 / scheduler_s,
                               1 / (client_s + inputs · listing_s) )

    Parameters
    ----------
    spectrum_s
        Of a worker, for one spectrum.
    worker_task_s
        Of a worker, between two tasks.
    scheduler_s, client_s
        Of their processor, for one task.
    listing_s
        Of the client, for one input.
    result_bytes, message_bytes
        For one spectrum: written by workers, and through the scheduler.
    library_bytes
        Sent to each worker.
    """

    spectrum_s: float
    worker_task_s: float
    scheduler_s: float
    client_s: float
    listing_s: float = 0.0
    result_bytes: float = 0.0
    message_bytes: float = 0.0
    library_bytes: float = 0.0

    def busy_s(self, inputs: int) -> dict[str, float]:
        """Return for how long everyone is busy with one shard of so many inputs."""
        return {
            "workers": inputs * self.spectrum_s + self.worker_task_s,
            "scheduler": self.scheduler_s,
            "client": self.client_s + inputs * self.listing_s,
        }

    def shards_a_second(self, workers: int, inputs: int) -> tuple[float, str]:
        """Return how many shards are done a second, and who limits that."""
        rates = {name: 1.0 / seconds for name, seconds in self.busy_s(inputs).items()}
        rates["workers"] *= workers
        limit = min(rates, key=lambda name: rates[name])
        return rates[limit], limit

    def spectra_a_second(self, workers: int, inputs: int) -> tuple[float, str]:
        """Return how many spectra are done a second, and who limits that."""
        rate, limit = self.shards_a_second(workers, inputs)
        return rate * inputs, limit

    def most_workers(self, inputs: int) -> tuple[int, str]:
        """Return how many workers are kept busy with shards of so many inputs, and who could feed no more."""
        busy = self.busy_s(inputs)
        feeder = max(("scheduler", "client"), key=lambda name: busy[name])
        return int(busy["workers"] / busy[feeder]), feeder

    def least_inputs(self, workers: int) -> int:
        """Return how many inputs a shard must have for so many workers to be kept busy by the scheduler."""
        needed = (workers * self.scheduler_s - self.worker_task_s) / self.spectrum_s
        return max(1, int(needed) + 1)
