from __future__ import annotations

import pytest
import torch

from aiida_anhcsp.engine.potentials.m3gnet import ends
from aiida_anhcsp.engine.potentials.m3gnet.ends import add_ends


@pytest.fixture(params=[2, 512], ids=["in portions", "at once"])
def portion(request, monkeypatch) -> None:
    monkeypatch.setitem(ends.PORTION, "cpu", request.param)


def tensors(n_bonds: int) -> tuple[list[torch.Tensor], torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    values = [
        torch.randn(rows, 2, dtype=torch.float64, generator=generator).requires_grad_(True) for rows in (n_bonds, 3, 3)
    ]
    first, second = (torch.randint(0, 3, (n_bonds,), generator=generator) for _ in range(2))
    return values, first, second


@pytest.mark.parametrize("n_bonds", [0, 5])
def test_values_of_both_ends_are_added(portion, n_bonds):
    (values, centre, neighbour), first, second = tensors(n_bonds)
    result = add_ends(values.clone(), centre, neighbour, first, second)
    assert torch.allclose(result, values + centre[first] + neighbour[second])


def test_first_and_second_derivatives_are_those_of_differences(portion):
    values, first, second = tensors(5)

    def squares(values: torch.Tensor, centre: torch.Tensor, neighbour: torch.Tensor) -> torch.Tensor:
        return add_ends(1 * values, centre, neighbour, first, second).square()

    assert torch.autograd.gradcheck(squares, values)
    assert torch.autograd.gradgradcheck(squares, values)
