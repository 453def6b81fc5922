import pytest
from hypothesis import given
from hypothesis import strategies as st

from spectriage.device.contract import registry
from spectriage.device.contract.errors import DeviceURIError, DriverMissingError
from spectriage.device.contract.registry import open_device
from spectriage.device.contract.uri import DeviceURI, parse_uri


def test_a_uri_is_scheme_path_and_options():
    uri = parse_uri("sim:acetaminophen+polyethylene:0.3?packaging=ldpe&integration_ms=1000&seed=1")
    assert uri.scheme == "sim"
    assert uri.path == "acetaminophen+polyethylene:0.3"
    assert dict(uri.options) == {"packaging": "ldpe", "integration_ms": "1000", "seed": "1"}


def test_a_path_may_be_percent_encoded_and_keeps_its_plus():
    assert parse_uri("replay:C%3A/what%3F.csv").path == "C:/what?.csv"
    assert parse_uri("sim:a+b").path == "a+b"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("caffeine", "scheme"),
        ("", "scheme"),
        ("1sim:x", "'1sim'"),
        ("s m:x", "'s m'"),
        ("sim:x?seed", "'seed'"),
        ("sim:x?=3", "'=3'"),
        ("sim:x?seed=1&seed=2", "twice"),
        ("sim:x?seed=1&&unit=2", "''"),
        ("sim:%ff", "the path"),
        ("sim:a%00b", "control"),
        ("sim:" + "x" * 5000, "characters"),
    ],
)
def test_a_bad_uri_is_refused_with_the_part_that_is_wrong(text, part):
    with pytest.raises(DeviceURIError, match=part):
        parse_uri(text)


@given(st.text(max_size=60))
def test_any_text_is_a_uri_or_a_typed_error(text):
    try:
        uri = parse_uri(text)
    except DeviceURIError:
        return
    assert uri.scheme
    assert uri.text == text


def _uri(**options: str) -> DeviceURI:
    return DeviceURI("sim", "x", options, "sim:x")


def test_numbers_are_checked():
    assert _uri(a="2.5").number("a", 1.0) == 2.5
    assert _uri().number("a", 1.0) == 1.0
    for bad in ("x", "nan", "inf", "", "3"):
        with pytest.raises(DeviceURIError, match="a="):
            _uri(a=bad).number("a", 1.0, 0.0, 2.9)
    for bad in ("1.5", "--3", "٣", "", "9" * 30, "-1"):
        with pytest.raises(DeviceURIError, match="a="):
            _uri(a=bad).integer("a", 1)


def test_words_and_option_names_are_checked():
    assert _uri(a="x").choice("a", "y", ("x", "y")) == "x"
    with pytest.raises(DeviceURIError, match="not one of x, y"):
        _uri(a="z").choice("a", "y", ("x", "y"))
    with pytest.raises(DeviceURIError, match="'sede'"):
        _uri(sede="1").only(("seed",))


def test_an_unknown_scheme_lists_the_known(monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [])
    with pytest.raises(DeviceURIError, match="none, is the package installed"):
        open_device("nosuch:x")


def _entry(name: str, value: str) -> registry.EntryPoint:
    return registry.EntryPoint(name, value, registry.GROUP)


def test_a_third_party_registers_a_scheme(monkeypatch):
    entries = [
        _entry("mine", "spectriage.device.simulator.simulator:DRIVER"),
        _entry("broken", "no_such_module_at_all:DRIVER"),
        _entry("wrong", "math:pi"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    with open_device("mine:caffeine") as device:
        assert device.info.uri == "mine:caffeine"
    with pytest.raises(DriverMissingError, match="no_such_module_at_all"):
        open_device("broken:x")
    with pytest.raises(registry.DeviceProtocolError, match="not a Driver"):
        open_device("wrong:x")


def test_a_third_party_cannot_take_over_our_scheme(monkeypatch):
    entries = [
        _entry("sim", "aaa.evil:DRIVER"),
        _entry("sim", "spectriage.device.simulator.simulator:DRIVER"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    assert registry.registered()["sim"].value == "spectriage.device.simulator.simulator:DRIVER"
