"""Writes scaling.json beside this file: rotary frequencies and angles as transformers computes them.

Run with transformers 4.57.6 and torch on a CPU:  python tests/golden/rope/generate.py
"""

import json
import pathlib

import torch
import transformers
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralRotaryEmbedding

POSITIONS = [1, 4095]

CASES = [  # head_dim, rope_theta, max_position_embeddings, rope_scaling
    (16, 1e6, 4096, {"rope_type": "linear", "factor": 2.0}),
    (128, 1e4, 4096, {"rope_type": "linear", "factor": 2.5}),
    (128, 1e6, 32768, {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8192}),
    (64, 1e4, 4096, {"rope_type": "yarn", "factor": 16.0}),
    (64, 1e4, 4096, {"rope_type": "yarn", "factor": 8.0, "attention_factor": 0.75,
                     "original_max_position_embeddings": 2048}),
    (64, 5e5, 4096, {"rope_type": "yarn", "factor": 8.0, "beta_fast": 48.0, "beta_slow": 2.0, "truncate": False,
                     "original_max_position_embeddings": 2048}),
    (80, 1e6, 4096, {"rope_type": "yarn", "factor": 3.0, "mscale": 0.7, "mscale_all_dim": 1.3,
                     "original_max_position_embeddings": 1024}),
    (32, 1e4, 4096, {"rope_type": "yarn", "factor": 0.5, "original_max_position_embeddings": 2048}),
    (8, 1e4, 64, {"rope_type": "yarn", "factor": 2.0, "beta_fast": 4.0, "beta_slow": 4.0,
                  "original_max_position_embeddings": 32}),
    (128, 5e5, 131072, {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                        "original_max_position_embeddings": 8192}),
]


def digits(tensor):
    """As many as tell one float32 from another."""
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def case(head_dim, theta, positions, scaling):
    config = MixtralConfig(hidden_size=2 * head_dim, num_attention_heads=2, head_dim=head_dim, rope_theta=theta,
                           max_position_embeddings=positions, rope_scaling=scaling)
    rope = MixtralRotaryEmbedding(config)
    cos, sin = rope(torch.zeros(1, dtype=torch.float32), torch.tensor([POSITIONS]))
    half = head_dim // 2
    return {"head_dim": head_dim, "rope_theta": theta, "max_position_embeddings": positions, "rope_scaling": scaling,
            "attention_factor": rope.attention_scaling, "frequencies": digits(rope.inv_freq),
            "cos": digits(cos[0, :, :half]), "sin": digits(sin[0, :, :half])}


def main():
    made = {"transformers": transformers.__version__, "positions": POSITIONS, "cases": [case(*c) for c in CASES]}
    text = json.dumps(made, separators=(",", ":")).replace('{"head_dim"', '\n{"head_dim"')
    pathlib.Path(__file__).with_name("scaling.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
