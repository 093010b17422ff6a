"""Spherical harmonics and the coefficients that couple them against e3nn's."""

import pytest
import torch
from e3nn import o3

from src.model.spherical_harmonics import coupling_paths, spherical_harmonics, wigner_3j

pytestmark = pytest.mark.usefixtures("float64")


@pytest.mark.parametrize("lmax", [0, 1, 2, 3, 4])
def test_values_are_those_of_e3nn_for_vectors_of_any_length(lmax):
    vectors = torch.randn(50, 2, 3) * torch.logspace(-3, 3, 50).view(50, 1, 1)
    vectors[0] = 0.0
    expected = o3.spherical_harmonics(list(range(lmax + 1)), vectors, True, "component")
    assert (spherical_harmonics(lmax, vectors) - expected).abs().max() < 1e-14


def test_first_and_second_derivatives_are_those_of_finite_differences():
    vectors = torch.randn(3, 3, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: spherical_harmonics(4, x), vectors)
    assert torch.autograd.gradgradcheck(lambda x: spherical_harmonics(4, x), vectors)


def test_coupling_coefficients_are_those_of_e3nn():
    for l1, l2, l3 in coupling_paths(4, 4):
        expected = o3.wigner_3j(l1, l2, l3, dtype=torch.float64)
        assert (wigner_3j(l1, l2, l3) - expected).abs().max() < 1e-14
