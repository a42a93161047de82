import pytest

from aiida_anhcsp.engine.errors import InputError
from aiida_anhcsp.engine.sscha.settings import Minimisation, SschaSettings, Stage, parse_stages


def test_stages_are_read_in_order():
    assert parse_stages("1x1x1:200, 2x2x3:500") == (Stage((1, 1, 1), 200), Stage((2, 2, 3), 500))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no stage"),
        ("2x2:100", "is no stage"),
        ("0x2x2:100", "supercell of zero"),
        ("2x2x2:101", "use 102"),
        ("2x2x2:2", "too few"),
    ],
)
def test_bad_stages_name_the_problem(text, problem):
    with pytest.raises(InputError, match=f"--stages: .*{problem}"):
        parse_stages(text)


def test_negative_temperature_is_refused():
    with pytest.raises(InputError, match="--temperature"):
        SschaSettings(pressure=0, temperature=-1, stages=parse_stages("1x1x1:10"), seed=1)


def test_an_audit_alone_has_one_stage():
    with pytest.raises(InputError, match="--audit-only"):
        SschaSettings(pressure=0, temperature=0, stages=parse_stages("1x1x1:10,2x2x2:10"), seed=1, audit="only")


def test_every_retry_takes_smaller_steps_of_the_cell():
    first = Minimisation()
    tried = (first, *first.retries())
    assert [one.attempt for one in tried] == [1, 2, 3]
    strains = [one.largest_strain for one in tried]
    assert strains == sorted(set(strains), reverse=True)
    assert tried[1].step < first.step
