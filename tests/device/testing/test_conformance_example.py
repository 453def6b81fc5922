"""The example driver is held to the conformance suite, over a line that answers."""

import numpy as np
import pytest

from spectriage.device.contract.clock import Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceProtocolError, DeviceTimeoutError
from spectriage.device.contract.spectrometer import ScanSettings
from spectriage.device.contract.uri import parse_uri
from spectriage.device.testing.conformance import SpectrometerConformance
from spectriage.device.testing.example_driver import LineSpectrometer


class Answering:
    """The other end of the line."""

    def __init__(self):
        self.answers = []
        self.broken = ""
        self.rng = np.random.default_rng(1)

    def write(self, data):
        command = data.decode().strip()
        if self.broken == "silent":
            self.answers.append(b"12,3")
        elif self.broken:
            self.answers.append(self.broken.encode() + b"\n")
        elif command == "ID?":
            self.answers.append(b"Model,S1,64,2.5,800\n")
        elif command.startswith("T "):
            self.answers.append(b"OK\n")
        else:
            self.answers.append(",".join(map(str, self.rng.poisson(500, 64))).encode() + b"\n")

    def read_line(self, seconds):
        return self.answers.pop(0)


def opened(clock=None):
    line = Answering()
    return LineSpectrometer(line, parse_uri("mine:port"), clock or VirtualClock()), line


class TestExample(SpectrometerConformance):
    def open(self, clock):
        return opened(clock)[0]


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("silent", DeviceTimeoutError),
        ("ERR 3", DeviceProtocolError),
        ("1,2,x", DeviceProtocolError),
        ("1,2", DeviceProtocolError),
    ],
)
def test_what_the_line_gets_wrong_is_a_typed_error(broken, error):
    device, line = opened()
    device.configure(ScanSettings(10.0))
    line.broken = broken
    with pytest.raises(error):
        device.acquire(Deadline.after(10.0, device.clock))
    line.broken = ""
    device.acquire(Deadline.after(10.0, device.clock))
