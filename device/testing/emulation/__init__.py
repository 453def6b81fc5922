"""An emulated USB bus with spectrometers on it, for running the real drivers without hardware.

`EmulatedBus` is a pyusb backend; the models on it answer the transfers of python-seabreeze and Wasatch.PY,
and every fault of the transport and of the device can be brought about by name (`faults.FAULTS`). What runs
here proves our code against those drivers; it says nothing of how a real instrument behaves.

The modules import pyusb, which comes with the extras ``ocean`` and ``wasatch``.
"""
