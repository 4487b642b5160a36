"""Help as plain text: shown at once, without importing torch."""

from __future__ import annotations

TRAINER_COMMANDS = {
    "fit": "train",
    "validate": "measure on the validation set",
    "test": "measure on the test set",
    "predict": "write reconstructions and tokens, or AU probabilities, of each face",
    "cache": "compute once what the frozen parts of stage II make of the data; fit --cache auto trains on it",
}
_GROUPS = {
    "demo": "a page on this machine: pick a face, set AUs or type a description, see what a model makes of it",
    "describe": "AUs to words and back: descriptions of labels, of whole files, and what is wrong with a text",
    "dataset": "build a data set: aligned faces, AU labels, descriptions, reference faces, splits, card",
    "evaluate": "measure models and folders of pictures on one test set, by one set of judges: tables with intervals",
    "export": "write what a run trained as a bundle: weights, arguments, card, checksums",
    "external": "systems of others: what each takes and needs, and its pictures of a test set, for evaluate",
    "figure": "faces of several systems side by side: the paper's Figures 1 and 4, its Appendix I, or one's own",
    "import": "turn a published checkpoint of others into a bundle",
    "list": "list the parts that a config can name; list models: trained bundles and their figures",
    "survey": "the user study: a page on which people rank pictures of several systems, and its scores",
    "study": "train and measure variants of a config, and lay them out in one table",
    "synthesize": "make faces from a reference and AUs or a description, one or many",
    "verify": "check a bundle: checksums, weights, classes, card, and a forward pass",
}
_MEMBERS = {
    "dataset": {
        "bp4d": "BP4D; with --bp4dplus, BP4D-AUText of both, as the paper has it",
        "bp4dplus": "BP4D+ alone",
        "disfa": "DISFA",
        "disfaplus": "DISFA+",
        "manifest": "images of one's own, with labels in a CSV or parquet file",
        "faces": "procedural FACS faces",
    },
    "external": {
        "list": "the paper's Table 1, and what else one must know to run each system",
        "make": "have systems make the pictures of a test set, each in its own installation and process",
    },
    "list": {
        "parts": "every part of every family, with its config; the word may be left out",
        "models": "every bundle of a folder, with its figures",
    },
    "survey": {
        "make": "the page, one HTML file that needs no network, and the key to it",
        "score": "what raters sent back as AUCHS, with intervals and agreement",
    },
    "import": {"mefarg": "ME-GraphAU's AU recogniser, as its authors publish it"},
}

_EXAMPLES = {
    "cli.py demo": """
  python cli.py demo --open                                     our own model, in the browser
  python cli.py demo --model runs/stage2/version_0 --compare models/vq_auface
  python cli.py demo --port 0 --recognizer null                 any free port; nothing is read back""",
    "cli.py describe": """
  python cli.py describe --aus 6,12,15                          one description; --seed N for another
  python cli.py describe --aus 6,12,15 --all --style short      every variant, without wrinkles and furrows
  python cli.py describe --aus 6,12,15,10,17 --explain          which constructs fired, and why
  python cli.py describe --aus AU6:B,L14:C --intensity --side   how strong, on which side
  python cli.py describe --labels labels.csv --output described.csv
  python cli.py describe --parse "The lip corners are drawn down."
  python cli.py describe --lint texts.txt --aus 6,12            exit code 1 where something is wrong""",
    "cli.py dataset bp4d": """
  python cli.py dataset bp4d --input BP4D --bp4dplus BP4D+ --output data/bp4d_autext    the paper's data set
  python cli.py dataset bp4d --input BP4D --split 3fold:P3 --output data/bp4d_p3        part 3 of the usual three tests
  python cli.py dataset bp4d --input BP4D --bp4dplus BP4D+ --split 3fold:P1,4fold:S1 --output data/folds
  python cli.py dataset bp4d --input BP4D --on-problem refuse --output data/bp4d        end with the first problem""",
    "cli.py dataset bp4dplus": """
  python cli.py dataset bp4dplus --input BP4D+ --output data/bp4dplus""",
    "cli.py dataset disfaplus": """
  python cli.py dataset disfaplus --input DISFA+ --output data/disfaplus""",
    "cli.py dataset disfa": """
  python cli.py dataset disfa --input DISFA --split 3fold:P3 --output data/disfa
  python cli.py dataset disfa --input DISFA --landmarks false --detector mtcnn --output data/disfa_mtcnn""",
    "cli.py dataset manifest": """
  python cli.py dataset manifest --input mine/labels.csv --detector mtcnn --output data/mine
  python cli.py dataset manifest --input mine/labels.parquet --columns.image path --columns.subject person
         --columns.AU 'AU{:02}_c' --columns.intensity_AU 'AU{:02}_r' --detector whole_image --output data/mine""",
    "cli.py dataset faces": """
  python cli.py dataset faces --num-images 1000 --output data/faces
  python cli.py dataset faces --num-images 1000 --keep-neutral false --storage tar --output data/faces_tar""",
    "cli.py evaluate": """
  python cli.py evaluate --systems.ours models/vq_auface --output evaluated/ours
  python cli.py evaluate --systems.text 'runs/stage2/text_*' --systems.labels 'runs/stage2/labels_*'
         --sets seen,unseen --num-images 512 --output evaluated/table2    several seeds each; text is the baseline
  python cli.py evaluate --config evaluate.yaml --systems.mine runs/stage2/mine --output evaluated/mine""",
    "cli.py export": """
  python cli.py export --checkpoint runs/stage1/version_0 --output exported/codec    then zoo.load("exported/codec")
  python cli.py export --checkpoint models/codec --format onnx --output exported/codec    graphs for other runtimes""",
    "cli.py external list": """
  python cli.py external list                                   every system, and whether it is at hand
  python cli.py external list --paper                           the paper's Table 1""",
    "cli.py external make": """
  python cli.py external make --systems external/uniportrait.yaml --python.uniportrait ENV/bin/python --output made
  python cli.py external make --systems external/uniportrait.yaml,external/anyface.yaml --num-images 512 --output made
  python cli.py evaluate --systems.ours models/vq_auface --systems.theirs made/uniportrait --output evaluated/both""",
    "cli.py figure": """
  python cli.py figure --config figures/figure4.yaml --output figures/figure4.png
  python cli.py figure --config figures/sadness.yaml --systems.GAN runs/ganimation/version_0 --output sad.png""",
    "cli.py import mefarg": """
  python cli.py import mefarg --checkpoint MEFARG_resnet50_BP4D_fold1.pth --output models/mefarg_bp4d""",
    "cli.py list parts": """
  python cli.py list parts                                      every part; "list" alone does the same
  python cli.py list --family quantizers --json                 those of one family, for programs
  python cli.py list models                                     every bundle in models/, with its figures""",
    "cli.py list models": """
  python cli.py list models                                     those that come with the zoo
  python cli.py list models exported --json                     those of a folder, for programs""",
    "cli.py verify": """
  python cli.py verify models/codec                             exit code 1 where something is wrong
  python cli.py verify models                                   every bundle of a folder
  python cli.py verify models/recognizer --metrics              measure again what the card says, too
  python cli.py verify exported/codec --record                  record what it gives now, then check""",
    "cli.py survey make": """
  python cli.py survey make --pictures faces --output study/survey.html       faces/ours, faces/ganimation, ...
  python cli.py survey make --systems.ours runs/ours --systems.ganimation runs/gan --job cases.csv --output survey.html
  python cli.py survey make --pictures faces --combinations 12+15,1+4 --per-combination 10 --output survey.html""",
    "cli.py survey score": """
  python cli.py survey score --answers study/answers --key study/survey_key.json --output study/scores""",
    "cli.py study": """
  python cli.py study --config studies/table6.yaml --dry-run    every command, and about how long it takes
  python cli.py study --config studies/table6.yaml              go on where it stopped, or begin
  python cli.py study --config studies/table2.yaml --seeds 0,1,2 --jobs 2 --max-steps 1280
  python cli.py study --config studies/generators.yaml --only depth_minutes,flat_minutes --max-minutes 10
  python cli.py study --config studies/paper/table6.yaml --submit studies/slurm.sh --launcher srun""",
    "cli.py synthesize": """
  python cli.py synthesize --aus 6,12 --output a.png            a procedural face, our own model
  python cli.py synthesize --aus 6,12,15 --reference face.png --model runs/stage2/version_0 --output b.png
  python cli.py synthesize --text "The lip corners are drawn down." --output c.png
  python cli.py synthesize --aus 15,17 --only lower --output d.png        the upper face stays as it is
  python cli.py synthesize --job cases.csv --output faces --grid          many, and side by side""",
}

_CACHE_PAGE = """usage: python cli.py cache --config NAME [--config OVERLAY ...] [--key value ...] [options]

Compute once what the frozen parts of a stage II run make of its data, so that training needs no images.

With the configs and options of fit, for training and validation: the codec's tokens of each face and of its mirror
image; the features of each frozen face encoder, once for each reference, likewise; the features of each distinct
prompt, where the text encoder is frozen. Parts that learn in the run, such as the compact text encoder, are not cached.
fit --cache auto then takes these in place of images: with data.augment, half of the faces are mirrored, together with
their references, and their light is not varied; without, training is that on images up to rounding.

Each part has a store of its own, keyed by the data and by its weights and code: runs that differ in other parts share
it, and other data, weights or code make another one. Killed at any moment, the same command goes on.

options
  --cache DIR               folder of all stores; else cache/ in the data's root (data/cache)
  --dtype float16|float32   of features; float16 by default. Tokens take the smallest integers.
  --prompt_epochs N         epochs of training whose prompts are encoded; else trainer.max_epochs. Other prompts are
                            encoded as they come.
  --batch_size N            images at once; 32 by default
  --device auto|cpu|cuda    where it is computed, in float32
  --rebuild true            delete the stores of this data and these weights, and make them again

examples
  python cli.py cache --config stage2.yaml
  python cli.py fit --config stage2.yaml --cache auto --data.augment true
  python cli.py cache --config stage2.yaml --model.codec runs/stage1/version_0 --cache /fast/cache"""


def overview() -> str:
    """The page of ``cli.py --help``."""
    return f"""usage: python cli.py COMMAND [options]

Train and run the parts of the AUFace Zoo.

training, on configs
{_rows(TRAINER_COMMANDS)}

tools
{_rows(_GROUPS)}

examples
  python cli.py fit --config stage1.yaml                            train; everything lands in runs/stage1/version_N
  python cli.py fit --config stage1.yaml --model.codec.quantizer quantizers/residual_fsq.yaml    swap a part
  python cli.py fit --config stage1.yaml --ckpt_path last           go on with the newest run, or start one
  python cli.py test --config stage1.yaml --ckpt_path runs/stage1/version_0

A config is searched in the working directory, then in configs/; ".yaml" may be left out.
python cli.py COMMAND --help shows more. --traceback shows where an error comes from."""


def trainer_page(command: str) -> str:
    """The page of ``cli.py fit --help`` and its likes."""
    if command == "cache":
        return _CACHE_PAGE
    return f"""usage: python cli.py {command} --config NAME [--config OVERLAY ...] [--key value ...]

{TRAINER_COMMANDS[command].capitalize()}.

configs
  --config NAME             searched beside the file that names it, in the working directory, then in configs/;
                            several are laid over each other, then come the options, wherever they stand
  extends: NAME             in a config: start from another one, or from a list of them
  --config trainer/ddp      overlays for the machine: trainer/cpu, ddp, nodes, bf16, debug, overfit

parts: any class, at any depth
  --model.codec.quantizer quantizers/residual_fsq.yaml      a YAML with class_path and init_args
  --model.codec.quantizer ResidualFSQQuantizer              a class of the project, by its name
  --model.codec.quantizer.num_levels 4                      one argument of the part
  --model.discriminator null                                no such part
  python cli.py list                                        what there is

run
  --run NAME                the run is runs/<config>/NAME; else the next version_N
  --trainer.default_root_dir DIR    in place of runs/
  --ckpt_path last          go on with the newest run of this config (or with --run NAME); start one if there is none
  --cache auto|DIR          stage II: train on what `cache` computed, found by the data and the weights
  --ckpt_path best|RUN|FILE from the best checkpoint, from a run's folder (best, else last) or from a file
                            The config always wins over what a checkpoint remembers.
  --seed_everything N       0 by default

A run's folder holds config.yaml (complete: --config runs/.../config.yaml runs it again), metrics.json, images/,
checkpoints/best.ckpt and last.ckpt, and TensorBoard's files (tensorboard --logdir runs). validate, test and predict
write into folders of these names in the run whose weights they use; predict: images/, tokens/, features/,
predictions.csv.

trainer, callbacks, checkpoints
  --trainer.max_steps N  --trainer.max_epochs N  --trainer.limit_train_batches N  --trainer.fast_dev_run true
  --trainer.accelerator cpu|gpu  --trainer.devices 2  --trainer.strategy ddp  --trainer.precision bf16-mixed
  --callbacks.NAME null     leave a callback of the config out;  --callbacks.NAME.argument value  change one
  --checkpoint.monitor METRIC  --checkpoint.mode min|max     what "best" means

look
  --print_config            print the complete config and stop
  --model.codec.quantizer.help          the classes that can stand there
  --model.codec.quantizer.help CLASS    the arguments of one
  --traceback               show where an error comes from (or set DEBUG=1)

exit codes: 0 done, 2 a mistake in config or options, 130 Ctrl-C, 143 SIGTERM (both leave last.ckpt), 1 anything else"""


def group_page(group: str, members: dict[str, str]) -> str:
    """The page of a group of tools, such as ``cli.py dataset --help``."""
    rows = {name: _MEMBERS.get(group, {}).get(name, "") for name in members}
    purpose = _GROUPS.get(group, group)
    return f"""usage: python cli.py {group} KIND [options]

{purpose[0].upper()}{purpose[1:]}.

{_rows(rows)}

python cli.py {group} KIND --help shows the options."""


def examples(program: str) -> str:
    """Examples of a tool, to stand below its options; empty where there are none."""
    return f"\nexamples:{_EXAMPLES[program]}\n" if program in _EXAMPLES else ""


def _rows(table: dict[str, str]) -> str:
    return "\n".join(f"  {name:<10} {purpose}" for name, purpose in table.items())
