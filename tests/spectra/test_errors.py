"""Every error of ours says what is wrong, where, and what to do, also from another process."""

import inspect
import pickle

import pytest

from spectriage.spectra import errors
from spectriage.spectra.errors import SeveralSpectraError, SpectriageError

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SpectriageError) and kind is not SeveralSpectraError
]


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_what_where_and_what_to_do(kind):
    error = kind("this is wrong", where="a.csv, line 3", remedy="do that")
    assert str(error) == "a.csv, line 3: this is wrong (do that)"
    assert (error.what, error.where, error.remedy) == ("this is wrong", "a.csv, line 3", "do that")
    assert str(kind("this is wrong")) == "this is wrong"


def test_what_is_wrong_with_an_argument_is_a_value_error_too():
    for kind in (errors.ParameterError, errors.SpectrumError, errors.FormatError, errors.CatalogueError):
        assert issubclass(kind, ValueError)


def test_several_spectra_are_named():
    error = SeveralSpectraError("three spectra", names=("a", "b", "c"), where="x.csv", remedy="name one")
    assert error.names == ("a", "b", "c")
    assert str(error) == "x.csv: three spectra (name one)"


@pytest.mark.parametrize("kind", KINDS)
def test_its_message_survives_pickling(kind):
    error = kind("this is wrong", where="a.csv")
    assert "this is wrong" in str(pickle.loads(pickle.dumps(error)))
