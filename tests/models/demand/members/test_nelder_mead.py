"""The simplex: finds the minimum of each problem, and no problem notices the others."""

import numpy as np

from models.demand.members.nelder_mead import minimise
from models.demand.series import FloatArray, IntArray

CENTRES = np.array([[1.0, -2.0], [0.3, 0.7], [-4.0, 5.0]])


def _bowl(points: FloatArray, problems: IntArray) -> FloatArray:
    gaps = points - CENTRES[problems]
    value: FloatArray = gaps[:, 0] ** 2 + 5 * gaps[:, 1] ** 2 + gaps[:, 0] * gaps[:, 1]
    return value


def _valley(points: FloatArray, problems: IntArray) -> FloatArray:
    value: FloatArray = (1 - points[:, 0]) ** 2 + 100 * (points[:, 1] - points[:, 0] ** 2) ** 2
    return value


def test_finds_every_minimum() -> None:
    best, value = minimise(_bowl, np.zeros((3, 2)), np.array([1.0, 1.0]), iterations=200)
    np.testing.assert_allclose(best, CENTRES, atol=0.05)
    assert (value < 1e-3).all()


def test_follows_a_bent_valley() -> None:
    best, _ = minimise(_valley, np.array([[-1.2, 1.0]]), np.array([0.5, 0.5]), iterations=400)
    np.testing.assert_allclose(best[0], [1, 1], atol=0.05)


def test_a_problem_takes_the_same_path_alone() -> None:
    together, _ = minimise(_bowl, np.zeros((3, 2)), np.array([1.0, 1.0]), iterations=30)
    for row in range(3):

        def alone(points: FloatArray, problems: IntArray, row: int = row) -> FloatArray:
            return _bowl(points, problems + row)

        best, _ = minimise(alone, np.zeros((1, 2)), np.array([1.0, 1.0]), iterations=30)
        np.testing.assert_array_equal(best[0], together[row])


def test_values_beyond_the_domain_are_left_alone() -> None:
    def walled(points: FloatArray, problems: IntArray) -> FloatArray:
        return np.where(points[:, 0] > 0.5, 1e300, (points[:, 0] - 0.2) ** 2 + points[:, 1] ** 2)

    best, _ = minimise(walled, np.array([[-1.0, 1.0]]), np.array([0.4, 0.4]), iterations=200)
    np.testing.assert_allclose(best[0], [0.2, 0], atol=0.05)
