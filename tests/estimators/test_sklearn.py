"""The conventions of scikit-learn: parameters, clones, fitted attributes."""

import inspect

import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.utils.validation import check_is_fitted

import qdist
from qdist.errors import QdistError

PARAMS = {
    "members": 2,
    "min_level_count": 3,
    "backbone": "mlp",
    "head": "spline",
    "order": ("b", "a"),
    "max_time": "5m",
    "max_epochs": 3,
    "max_steps": 7,
    "batch_size": 32,
    "learning_rate": 1e-3,
    "validation_fraction": 0.2,
    "columns": {"a": qdist.Column(lower=0)},
    "codec_args": {"n_bins": 16},
    "backbone_args": {"width": 8},
    "head_args": {"knots": 8},
    "callbacks": (print,),
    "device": "cpu",
    "random_state": 3,
}


def test_parameters_are_stored_as_they_are():
    model = qdist.TabularModel(**PARAMS)
    assert all(getattr(model, name) is value for name, value in PARAMS.items())
    assert model.get_params(deep=False) == PARAMS
    assert set(inspect.signature(qdist.TabularModel).parameters) == set(PARAMS)


def test_nothing_is_checked_before_fit():
    model = qdist.TabularModel(max_steps=-1, backbone="none of this name", random_state="x")
    assert model.max_steps == -1


def test_arguments_go_by_name():
    with pytest.raises(TypeError):
        qdist.TabularModel("mlp")


def test_a_clone_has_the_parameters_and_is_not_fitted(model):
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        check_is_fitted(copy)
    check_is_fitted(model)


def test_parameters_can_be_set():
    model = qdist.TabularModel().set_params(max_steps=3, head="implicit")
    assert (model.max_steps, model.head) == (3, "implicit")
    with pytest.raises(ValueError, match="Invalid parameter 'steps'"):
        model.set_params(steps=3)


def test_fit_leaves_parameters_alone_and_returns_the_model(small, frame):
    model = small(max_steps=2, backbone_args={"width": 8})
    before = clone(model).get_params()
    assert model.fit(frame, None) is model
    assert model.get_params() == before


def test_no_fitted_attribute_before_fit():
    assert not [name for name in vars(qdist.TabularModel()) if name.endswith("_")]


NOT_FITTED = {
    "sample": lambda model: model.sample(3),
    "schema_": lambda model: model.schema_,
    "module_": lambda model: model.module_,
    "save": lambda model: model.save("model.qdist"),
    "loss": lambda model: model.loss({"a": [1]}, generator=None),
    "encode": lambda model: model.encode({"a": [1]}),
}


@pytest.mark.parametrize("use", NOT_FITTED.values(), ids=NOT_FITTED)
@pytest.mark.parametrize("error", [QdistError, NotFittedError, ValueError])
def test_use_before_fit(use, error):
    with pytest.raises(error, match=r"Expected a fitted TabularModel; got .* Call fit\(X\) first"):
        use(qdist.TabularModel())


def test_a_search_goes_by_the_mean_density_of_held_out_rows(small, frame):
    rows = frame[["a", "b", "gap"]][:60]
    search = GridSearchCV(small(max_steps=1), {"members": [1]}, cv=2, refit=False).fit(rows)
    expected = small(max_steps=1, members=1).fit(rows[30:]).score_samples(rows[:30]).mean()
    assert search.cv_results_["split0_test_score"] == pytest.approx([expected])


def test_the_repr_shows_what_was_set():
    assert repr(qdist.TabularModel(max_steps=3)) == "TabularModel(max_steps=3)"


def test_attributes_of_a_fit(model, frame):
    assert model.n_features_in_ == 6
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.n_steps_ == 30
    assert model.schema_.names == tuple(frame.columns)
    assert model.history_
    assert model.profile_["total"] > 0
