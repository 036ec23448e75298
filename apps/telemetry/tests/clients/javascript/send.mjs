// Sends a trace, its logs and metrics by the official exporters: `node send.mjs json|protobuf`.
// Where to, with which key and whether compressed, they read from OTEL_EXPORTER_OTLP_*; the trace id is printed.
import { SpanKind, SpanStatusCode, context, metrics, trace } from '@opentelemetry/api';
import { SeverityNumber, logs } from '@opentelemetry/api-logs';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

const FORMS = { json: 'http', protobuf: 'proto' };
const form = FORMS[process.argv[2]];
if (form === undefined) throw new Error(`usage: send.mjs ${Object.keys(FORMS).join('|')}`);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${form}`);
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${form}`);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${form}`);

const resource = resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME, 'service.instance.id': 'one' });
const refused = [];

/** The exporter, keeping what it was told when its request failed. */
function watched(exporter) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code !== 0) refused.push(result.error);
      done(result);
    });
  return exporter;
}

const tracers = new NodeTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(watched(new OTLPTraceExporter()))] });
tracers.register();
const loggers = new LoggerProvider({
  resource,
  processors: [new SimpleLogRecordProcessor({ exporter: watched(new OTLPLogExporter()) })],
});
logs.setGlobalLoggerProvider(loggers);
const meters = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: watched(new OTLPMetricExporter()) })],
  views: [{ instrumentName: 'js.wide', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
});
metrics.setGlobalMeterProvider(meters);

function sendTrace() {
  const tracer = trace.getTracer('the-scope', '1.2.3');
  return tracer.startActiveSpan('POST /pay', { kind: SpanKind.SERVER }, (parent) => {
    parent.setAttributes({ text: 'é', yes: true, whole: 7, part: 0.5, texts: ['a', 'b'], numbers: [1, 2] });
    const links = [{ context: parent.spanContext(), attributes: { why: 'retry' } }];
    const child = tracer.startSpan('chat', { kind: SpanKind.CLIENT, links });
    child.addEvent('tried', { times: 2 });
    child.recordException(new TypeError('no such card'));
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'refused' });
    context.with(trace.setSpan(context.active(), child), sendLog);
    child.end();
    parent.end();
    return parent.spanContext().traceId;
  });
}

function sendLog() {
  const record = { severityNumber: SeverityNumber.WARN, severityText: 'WARN', body: 'card was refused' };
  logs.getLogger('pay').emit({ ...record, attributes: { 'shop.id': 9 } });
}

function sendMetrics() {
  const meter = metrics.getMeter('the-meter');
  meter.createCounter('js.requests', { unit: '{request}' }).add(3, { route: 'pay' });
  meter.createUpDownCounter('js.open').add(-2);
  meter.createGauge('js.warmth', { unit: 'Cel' }).record(21.5);
  const time = meter.createHistogram('js.time', { unit: 's', advice: { explicitBucketBoundaries: [0.1, 1] } });
  for (const seconds of [0.05, 0.5, 5]) time.record(seconds);
  const wide = meter.createHistogram('js.wide');
  for (const value of [1, 2, 4, 8]) wide.record(value);
  meter.createObservableGauge('js.queue').addCallback((result) => result.observe(4, { queue: 'mail' }));
}

const traceId = sendTrace();
sendMetrics();
await Promise.all([tracers.shutdown(), loggers.shutdown(), meters.shutdown()]);
if (refused.length) throw new Error(refused.join('\n'));
process.stdout.write(traceId);
