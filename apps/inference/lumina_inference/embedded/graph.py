"""The ONNX graph of a BERT sentence encoder, written without torch.

The graph holds no weights: its initializers point into the safetensors file beside it, so that the file whose
digest is known is the one that answers. Input `input_ids` and `attention_mask`, int64 (batch, tokens); output
`embedding`, float32 (batch, hidden), mean-pooled and of length 1. Built as sentence-transformers runs the model:
BertModel, mean pooling over the mask, L2 normalisation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from lumina_inference.embedded.weights import Tensor

OPSET = 20  # the first with Gelu; ONNX Runtime has it since 1.17
_MASKED = float(np.finfo(np.float32).min)


@dataclass(frozen=True)
class BertShape:
    """What `config.json` says about the encoder."""

    layers: int
    heads: int
    hidden: int
    layer_norm_epsilon: float

    @classmethod
    def of(cls, config: Mapping[str, object]) -> "BertShape":
        if config["hidden_act"] != "gelu" or config["position_embedding_type"] != "absolute":
            raise ValueError("Only BERT with gelu and absolute positions is built.")
        layers, heads, hidden = (config[name] for name in ("num_hidden_layers", "num_attention_heads", "hidden_size"))
        epsilon = config["layer_norm_eps"]
        return cls(int(str(layers)), int(str(heads)), int(str(hidden)), float(str(epsilon)))


@dataclass
class _Net:
    """Nodes and initializers as they grow; each method returns the name of its result."""

    tensors: Mapping[str, Tensor]
    weights_file: str
    nodes: list[NodeProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def ints(self, *values: int) -> str:
        name = "ints_" + "_".join(str(value) for value in values)
        self.initializers[name] = numpy_helper.from_array(np.array(values, dtype=np.int64), name)
        return name

    def number(self, value: float) -> str:
        name = f"number_{value}"
        self.initializers[name] = numpy_helper.from_array(np.array(value, dtype=np.float32), name)
        return name

    def weight(self, name: str) -> str:
        return self.place(self.tensors[name])

    def place(self, tensor: Tensor) -> str:
        """An initializer that is read from the weights file where it lies."""
        proto = TensorProto(name=tensor.name, data_type=TensorProto.FLOAT, dims=tensor.shape)
        proto.data_location = TensorProto.EXTERNAL
        where = {"location": self.weights_file, "offset": tensor.offset, "length": tensor.size_bytes}
        for key, value in where.items():
            proto.external_data.add(key=key, value=str(value))
        self.initializers[tensor.name] = proto
        return tensor.name

    def linear(self, rows: str, name: str) -> str:
        return self.op("Gemm", rows, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), transB=1)

    def layer_norm(self, rows: str, name: str, epsilon: float) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", rows, scale, bias, axis=-1, epsilon=epsilon)


def build_graph(shape: BertShape, tensors: Mapping[str, Tensor], weights_file: Path) -> ModelProto:
    """The model whose initializers lie in `weights_file`, which must stay in the same folder."""
    net = _Net(tensors, weights_file.name)
    tokens = net.op("Slice", net.op("Shape", "input_ids"), net.ints(1), net.ints(2))
    mask = net.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    rows = _embedded(net, shape, tokens)
    bias = _attention_bias(net, mask)
    for layer in range(shape.layers):
        rows = _layer(net, shape, rows, bias, tokens, f"encoder.layer.{layer}")
    _pooled(net, shape, rows, mask, tokens)
    return _model(net, shape)


def _embedded(net: _Net, shape: BertShape, tokens: str) -> str:
    """Word, position and type embeddings, one row a token: (batch * tokens, hidden)."""
    words = net.op("Gather", net.weight("embeddings.word_embeddings.weight"), "input_ids", axis=0)
    every_position = net.weight("embeddings.position_embeddings.weight")
    positions = net.op("Slice", every_position, net.ints(0), tokens, net.ints(0))
    one_type = net.place(net.tensors["embeddings.token_type_embeddings.weight"].row(0))
    summed = net.op("Add", net.op("Add", words, positions), one_type)
    flat = net.op("Reshape", summed, net.ints(-1, shape.hidden))
    return net.layer_norm(flat, "embeddings.LayerNorm", shape.layer_norm_epsilon)


def _attention_bias(net: _Net, mask: str) -> str:
    """0 where a token is, the most negative number where padding is: (batch, 1, 1, tokens)."""
    padding = net.op("Sub", net.number(1.0), mask)
    return net.op("Unsqueeze", net.op("Mul", padding, net.number(_MASKED)), net.ints(1, 2))


def _layer(net: _Net, shape: BertShape, rows: str, bias: str, tokens: str, name: str) -> str:
    attended = _attention(net, shape, rows, bias, tokens, f"{name}.attention.self")
    projected = net.linear(attended, f"{name}.attention.output.dense")
    norm = f"{name}.attention.output.LayerNorm"
    middle = net.layer_norm(net.op("Add", projected, rows), norm, shape.layer_norm_epsilon)
    wide = net.op("Gelu", net.linear(middle, f"{name}.intermediate.dense"))
    narrow = net.op("Add", net.linear(wide, f"{name}.output.dense"), middle)
    return net.layer_norm(narrow, f"{name}.output.LayerNorm", shape.layer_norm_epsilon)


def _attention(net: _Net, shape: BertShape, rows: str, bias: str, tokens: str, name: str) -> str:
    width = shape.hidden // shape.heads
    split = net.op("Concat", net.ints(-1), tokens, net.ints(shape.heads), net.ints(width), axis=0)

    def heads(part: str, order: list[int]) -> str:
        return net.op("Transpose", net.op("Reshape", net.linear(rows, f"{name}.{part}"), split), perm=order)

    query, key, value = heads("query", [0, 2, 1, 3]), heads("key", [0, 2, 3, 1]), heads("value", [0, 2, 1, 3])
    scaled = net.op("Mul", net.op("MatMul", query, key), net.number(width**-0.5))
    shares = net.op("Softmax", net.op("Add", scaled, bias), axis=-1)
    mixed = net.op("Transpose", net.op("MatMul", shares, value), perm=[0, 2, 1, 3])
    return net.op("Reshape", mixed, net.ints(-1, shape.hidden))


def _pooled(net: _Net, shape: BertShape, rows: str, mask: str, tokens: str) -> None:
    """The mean of the rows under the mask, scaled to length 1, as output `embedding`."""
    split = net.op("Concat", net.ints(-1), tokens, net.ints(shape.hidden), axis=0)
    column = net.op("Unsqueeze", mask, net.ints(2))
    masked = net.op("Mul", net.op("Reshape", rows, split), column)
    summed = net.op("ReduceSum", masked, net.ints(1), keepdims=0)
    counted = net.op("ReduceSum", column, net.ints(1), keepdims=0)
    mean = net.op("Div", summed, counted)
    length = net.op("ReduceL2", mean, net.ints(1), keepdims=1)
    net.nodes.append(helper.make_node("Div", [mean, length], ["embedding"], name="embedding"))


def _model(net: _Net, shape: BertShape) -> ModelProto:
    def info(name: str, kind: int, dims: list[str | int]) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, dims)

    inputs = [info(name, TensorProto.INT64, ["batch", "tokens"]) for name in ("input_ids", "attention_mask")]
    outputs = [info("embedding", TensorProto.FLOAT, ["batch", shape.hidden])]
    graph = helper.make_graph(net.nodes, "sentence-encoder", inputs, outputs, list(net.initializers.values()))
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, producer_name="lumina", opset_imports=[opset], ir_version=9)
