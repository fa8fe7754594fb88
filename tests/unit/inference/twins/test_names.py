"""The parts that a question to twins is made of are had from one place."""

import pytest

from understudy.inference import twins


@pytest.mark.parametrize("name", twins.__all__)
def test_a_name_is_there_and_documented(name):
    found = getattr(twins, name)
    assert found.__name__ == name
    assert found.__doc__.splitlines()[0].endswith(".")


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'Dose'"):
        _ = twins.Dose
