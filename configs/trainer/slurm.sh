#!/bin/bash
# One run under SLURM, from the project's root; what follows the script's name is the command line of cli.py:
# sbatch --nodes 2 configs/trainer/slurm.sh fit --config paper/stage1.yaml --config trainer/nodes.yaml --run paper
# Nodes and devices are the job's own. A job that reaches its time limit saves last.ckpt, is queued again and goes on, so
# --run must name the run. Change the resources for your cluster. Tried with stand-ins for srun and scontrol, on the CPU.
#SBATCH --job-name=auface
#SBATCH --output=slurm-%j.txt
#SBATCH --open-mode=append
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@300

export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK # srun no longer takes it from the job by itself
srun python cli.py "$@" --ckpt_path last \
  --trainer.num_nodes "$SLURM_JOB_NUM_NODES" --trainer.devices "$SLURM_NTASKS_PER_NODE" &
child=$!
trap 'kill -TERM $child' TERM
wait $child
code=$?
while kill -0 $child 2> /dev/null; do wait $child; code=$?; done
if [ $code -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $code
