import pytest

from .toy import exact


@pytest.mark.parametrize(
    ("k", "temperature", "frequency", "free_energy"),
    [(5, 0, 352.483, 62.0253), (5, 300, 366.075, 46.7939), (-2, 0, 151.896, 9.2496), (-2, 600, 269.785, -126.476)],
)
def test_the_closed_form_gives_the_published_numbers(k, temperature, frequency, free_energy):
    found_frequency, found_free_energy = exact(k, temperature)
    assert found_frequency == pytest.approx(frequency, rel=1e-4)
    assert found_free_energy * 1000 == pytest.approx(free_energy, rel=1e-4)
