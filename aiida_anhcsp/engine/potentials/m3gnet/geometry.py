r"""From bond vectors to what the network sees of them: radial basis and three-body sums, in O(bonds).

MatterSim's M3GNet sums over the triples j-i-k around every atom i

    T_{ij,k'} = f_c(r_ij) \sum_{k \ne j} f_c(r_ik) R_{k'}(r_ik) Y_{l0}(\theta_{jik}),    l = k' // max_n

(Chen and Ong, Nat. Comput. Sci. 2, 718 (2022), eq. 6). The addition theorem of spherical harmonics,
P_l(cos theta_jik) = 4 pi / (2l + 1) \sum_m Y_lm(r_ij) Y_lm(r_ik), makes of it one sum per atom,
A_{i,k'm} = \sum_k f_c(r_ik) R_{k'}(r_ik) Y_lm(r_ik), contracted with Y_lm(r_ij) per bond; the term k = j, where the
angle is zero, is taken off. The sums hold no weights, so all blocks of the network share them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .graph import Batch

if TYPE_CHECKING:
    from mattersim.forcefield.m3gnet.m3gnet import M3Gnet


def bond_features(stock: M3Gnet, batch: Batch, vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Radial basis of all bonds, (n_bonds, max_n), and three-body sums of the short ones, (n_short, max_n * max_l).

    :param stock: the model whose constants (cutoffs, basis) are used
    :param vectors: bond vectors to differentiate by, shape as ``batch.vectors``
    """
    lengths = torch.linalg.vector_norm(vectors, dim=1)
    short = batch.short
    sums = three_body_sums(
        stock, vectors.index_select(0, short), lengths.index_select(0, short), batch.first[short], batch.n_atoms
    )
    return radial_basis(stock, lengths), sums


def radial_basis(stock: M3Gnet, lengths: Tensor) -> Tensor:
    """Smooth Bessel functions of bond lengths (Kocer, Mason and Erturk, AIP Adv. 10, 015021 (2020)), (n, max_n)."""
    basis = stock.rbf
    smaller, larger = lengths[:, None] * basis.n_1_pi_cutoff, lengths[:, None] * basis.n_2_pi_cutoff
    raw = basis.fnr_weights * (torch.sin(smaller) / smaller + torch.sin(larger) / larger)
    columns = [raw[:, 0]]
    for n in range(1, basis.max_n):
        previous = torch.sqrt(basis.en[0, n] / basis.dn[n - 1]) * columns[-1]
        columns.append((raw[:, n] + previous) / torch.sqrt(basis.dn[n]))
    return torch.stack(columns, dim=1)


def three_body_sums(stock: M3Gnet, vectors: Tensor, lengths: Tensor, first: Tensor, n_atoms: int) -> Tensor:
    """T of the module's docstring for short bonds, (n_short, max_l * max_n).

    :param first: centre of each bond, (n_short,)
    """
    max_n, max_l = stock.sbf.max_n, stock.sbf.max_l
    envelope = cutoff_function(lengths, stock.graph_conv[0].three_body.threebody_cutoff)[:, None]
    weighted = spherical_bessel(stock, lengths) * envelope
    harmonics = spherical_harmonics(vectors / lengths[:, None], max_l)
    parts = []
    for degree, harmonic in enumerate(harmonics):
        radial = weighted[:, degree * max_n : (degree + 1) * max_n]
        terms = radial[:, :, None] * harmonic[:, None, :]
        sums = terms.new_zeros((n_atoms, *terms.shape[1:])).index_add(0, first, terms)
        along = (sums.index_select(0, first) * harmonic[:, None, :]).sum(dim=2)
        parts.append(along - math.sqrt((2 * degree + 1) / (4 * math.pi)) * radial)
    return torch.cat(parts, dim=1) * envelope


def cutoff_function(lengths: Tensor, cutoff: float) -> Tensor:
    """Polynomial envelope 1 - 6 x^5 + 15 x^4 - 10 x^3 of x = r / cutoff, zero beyond."""
    x = lengths / cutoff
    return torch.clamp(1 + x**3 * (-10 + x * (15 - 6 * x)), min=0.0)


def spherical_bessel(stock: M3Gnet, lengths: Tensor) -> Tensor:
    """Normalised spherical Bessel functions as MatterSim orders them, (n, max_n * max_l): the order of the function
    counts to ``max_n``, its zeros to ``max_l``."""
    layer = stock.sbf
    coefficients = layer.coef[:, :, : layer.max_l]
    x = (lengths / layer.cutoff)[:, None]
    inverse = 1 / x
    orders = []
    for order in range(layer.max_n):
        z = x * coefficients[order, 1 if order else 0]
        sine, cosine = torch.sin(z), torch.cos(z)
        factors = coefficients[order]
        if order == 0:
            orders.append(sine * inverse)
        elif order == 1:
            orders.append((factors[0] * cosine + factors[2] * sine * inverse) * inverse)
        elif order == 2:
            inner = factors[4] * sine * inverse - factors[2] * cosine
            orders.append((factors[0] * sine + inner * inverse) * inverse)
        else:
            inner = factors[6] * sine * inverse - factors[4] * cosine
            inner = inner * inverse - factors[2] * sine
            orders.append((factors[0] * cosine + inner * inverse) * inverse)
    return torch.cat(orders, dim=1) * layer.factor


def spherical_harmonics(directions: Tensor, max_l: int) -> list[Tensor]:
    """Real spherical harmonics of unit vectors for l < ``max_l`` <= 4, each (n, 2l + 1).

    Scaled so that the sum over m of the product of two is MatterSim's Y_l0 of the angle between them:
    sqrt((2l + 1) / 4 pi) P_l.
    """
    x, y, z = directions.unbind(dim=1)
    polynomials = [[torch.ones_like(x)]]
    if max_l > 1:
        polynomials.append([x, y, z])
    if max_l > 2:
        root = math.sqrt(3)
        polynomials.append(
            [root * x * y, root * y * z, 0.5 * (3 * z * z - 1), root * x * z, 0.5 * root * (x * x - y * y)]
        )
    if max_l > 3:
        a, b, c = math.sqrt(5 / 8), math.sqrt(15), math.sqrt(3 / 8)
        polynomials.append(
            [
                a * y * (3 * x * x - y * y),
                b * x * y * z,
                c * y * (5 * z * z - 1),
                0.5 * z * (5 * z * z - 3),
                c * x * (5 * z * z - 1),
                0.5 * b * z * (x * x - y * y),
                a * x * (x * x - 3 * y * y),
            ]
        )
    return [
        torch.stack(columns, dim=1) * ((2 * degree + 1) / (4 * math.pi)) ** 0.25
        for degree, columns in enumerate(polynomials)
    ]
