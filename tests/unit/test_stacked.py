"""Stacked perceptrons: the same as many single ones."""

import pytest
import torch

from fairtut.errors import InputError
from fairtut.models.stacked import StackedMLP


def stack(count=3, hidden=(7, 5)):
    return StackedMLP(count, 4, hidden, 2, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("hidden", [(), (7,), (7, 5)])
def test_each_member_alone_gives_the_same(hidden):
    net, x = stack(hidden=hidden), torch.randn(11, 4)
    together = net(x)
    assert together.shape == (3, 11, 2)
    for i in range(3):
        torch.testing.assert_close(net.member(i)(x), together[i])


def test_own_rows_for_each_member():
    net, x = stack(), torch.randn(3, 6, 4)
    for i in range(3):
        torch.testing.assert_close(net.member(i)(x[i]), net(x)[i])


def test_the_gradient_of_a_sum_is_each_ones_own():
    net, x = stack(), torch.randn(6, 4)
    net(x).square().mean((1, 2)).sum().backward()
    alone = net.member(1)
    alone(x).square().mean().backward()
    torch.testing.assert_close(net.weights[0].grad[1].T, alone.layers[0].weight.grad)


def test_members_differ_and_seeds_repeat():
    net, again = stack(), stack()
    assert not torch.equal(net.weights[0][0], net.weights[0][1])
    assert torch.equal(net.weights[1], again.weights[1])


@pytest.mark.parametrize("shape", [(4,), (6, 5), (2, 6, 4), (1, 2, 6, 4)])
def test_wrong_shapes_are_named(shape):
    with pytest.raises(InputError, match="input"):
        stack()(torch.zeros(shape))


def test_no_networks():
    with pytest.raises(InputError, match="at least 1"):
        StackedMLP(0, 4)
