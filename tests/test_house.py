"""The house is in order: paths can be guessed, words are the glossary's, folders say what they hold."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from zoo.components import component_class, families

ROOT = Path(__file__).parents[1]
SOURCES = [
    file for folder in ("zoo", "lightning_modules", "datamodules") for file in sorted((ROOT / folder).rglob("*.py"))
] + [ROOT / "cli.py"]
BANNED = re.compile(
    r"\b(n_q|n_e|e_dim|n_embed|embed_ind|embed_dim|klass|cond_stage|first_stage|num_quantizers|n_codes|codebook_dim|"
    r"z_q|zq|quant_loss|commit_loss|img|imgs)\b"
)
MEMBERS = [f"{family}/{member}" for family, members in families().items() for member in members]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_identifiers_are_words_of_the_glossary(file):
    tree = ast.parse(file.read_text())
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    # attributes that are set are ours; those that are read may be a library's
    stored = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store))
    names |= {node.attr for node in stored}
    assert not {name for name in names if BANNED.fullmatch(name)}


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(file):
    docstring = ast.get_docstring(ast.parse(file.read_text()))
    assert docstring, f"{file} has no docstring"
    assert docstring.split("\n")[0].endswith((".", ":")), f"the first line of {file} is no sentence"


@pytest.mark.parametrize("name", MEMBERS)
def test_every_component_has_its_fragment(name):
    fragment = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    assert set(fragment) <= {"class_path", "init_args"}
    cls = component_class(name)
    assert fragment["class_path"] == f"{cls.__module__}.{cls.__name__}"


def test_every_fragment_has_its_component():
    for family, members in families().items():
        for fragment in (ROOT / "configs" / family).glob("*.yaml"):
            assert fragment.stem in members, f"{fragment} has no zoo/{family}/{fragment.stem}.py"


def test_no_folder_is_a_bin():
    names = {path.stem for path in SOURCES} | {path.parent.name for path in SOURCES}
    assert not names & {"utils", "util", "common", "misc", "helpers", "tools"}


def test_the_distribution_depends_on_nothing_that_is_not_imported():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = "\n".join(file.read_text() for file in SOURCES)
    stage_two = {"transformers"}  # on the project's card; its text and face encoders come with stage II
    modules = {"pillow": "PIL", "pyyaml": "yaml", "tensorboard": "TensorBoardLogger"}
    for requirement in project["dependencies"]:
        name = re.split(r"[\[<>=,; ]", requirement)[0]
        module = modules.get(name, name.replace("-", "_"))
        assert name in stage_two or re.search(rf"\b{module}\b", text), f"{name} is a dependency that nothing uses"
