"""On what models compute."""

from __future__ import annotations

import threading
import time

import pytest
import torch

from index import InputError
from index.environment import DEVICE
from index.processor import Cores, device, multiplying_fast


@pytest.fixture(scope="module")
def cores():
    return Cores(2)


def threads_that_compute():
    """Return how many threads torch uses here, once it has used them."""
    (torch.ones(400, 400) @ torch.ones(400, 400)).sum()
    return torch.get_num_threads()


def test_each_core_computes_alone_and_others_as_they_did(cores):
    before = threads_that_compute()
    both = threading.Barrier(2)

    def work(_):
        both.wait(20)
        return threading.current_thread().name, threads_that_compute()

    found = list(cores.map(work, range(2)))
    assert len({name for name, _ in found}) == 2 and [threads for _, threads in found] == [1, 1]
    assert threads_that_compute() == before
    assert cores.run(threads_that_compute) == 1


def test_what_a_core_asks_for_it_does_itself(cores):
    def work(number):
        here = threading.current_thread().name
        assert cores.run(lambda: threading.current_thread().name) == here
        return list(cores.map(lambda other: number * other, range(3)))

    assert list(cores.map(work, range(20))) == [[0, number, 2 * number] for number in range(20)]


def test_work_comes_back_in_order_and_is_handed_over_bit_by_bit(cores):
    given = []

    def items():
        for number in range(9):
            given.append(number)
            yield number

    def work(number):
        time.sleep(0.02 if number % 2 else 0)
        return number

    for done in cores.map(work, items()):
        assert len(given) <= done + 1 + cores.count + 1
    assert done == 8 and given == list(range(9))


def test_what_fails_on_a_core_fails_here(cores):
    with pytest.raises(ZeroDivisionError):
        cores.run(lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        list(cores.map(lambda number: 1 // number, [1, 0]))


def test_the_device_is_chosen_by_the_environment(monkeypatch):
    monkeypatch.setenv(DEVICE, "cpu")
    assert device() == torch.device("cpu")
    monkeypatch.setenv(DEVICE, "abacus")
    with pytest.raises(InputError, match="SOURCIER_DEVICE is 'abacus': expected auto, cpu, or a device"):
        device()
    monkeypatch.setenv(DEVICE, "cuda:77")
    with pytest.raises(InputError, match="SOURCIER_DEVICE is 'cuda:77', which is not there") as caught:
        device()
    assert "\n" not in str(caught.value)


def test_models_on_another_device_keep_their_precision(monkeypatch):
    monkeypatch.setenv("SOURCIER_PRECISION", "bf16")
    with multiplying_fast(torch.device("meta")):
        assert not torch.is_autocast_enabled("cpu")
    with multiplying_fast(torch.device("cpu")):
        assert torch.is_autocast_enabled("cpu")
