#!/bin/bash
# A job of a study under SLURM: python cli.py study --config studies/paper/table6.yaml --submit studies/slurm.sh --launcher srun
# {command}, {name} and {log} are filled in for each run; change the rest for your cluster. A job that is stopped and queued again
# goes on from its last checkpoint, so short time limits do. Tried with a stand-in for sbatch; there is no cluster here.
#SBATCH --job-name={name}
#SBATCH --output={log}
#SBATCH --open-mode=append
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=8
#SBATCH --gres=gpu:8
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@300

{command} &
child=$!
trap 'kill -TERM $child' TERM
wait $child
code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done
if [ $code -eq 143 ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit $code
