package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.LambdaRuntime;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import so.suna.queuemetrics.aws.AwsClients;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.cloudwatch.MetricPublisher;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.ecs.WorkerCounter;
import so.suna.queuemetrics.ecs.Workers;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/**
 * One tick: reads the queues, counts the workers and publishes what is known. Whatever is unknown
 * is left out, and then the invocation fails naming it, so that the function's error alarm rings. A
 * stream handler, since a typed one loads Jackson and Joda-Time to make an event that nobody reads.
 */
public final class PublishHandler implements RequestStreamHandler {

  private final Supplier<Snapshot> queues;
  private final Optional<Supplier<Workers>> workers;
  private final Datums datums;
  private final Consumer<List<MetricDatum>> publisher;
  private final Clock clock;
  private final JsonLog log;

  /** The one that Lambda calls; bad settings end it. */
  public PublishHandler() {
    this(System.getenv(), LambdaRuntime.getLogger()::log);
  }

  PublishHandler(Map<String, String> environment, Consumer<String> out) {
    Settings settings = Settings.of(environment);
    AwsClients aws = AwsClients.ofThisFunction();
    var clock = Clock.systemUTC();
    var log = new JsonLog(out);
    this(
        new SnapshotReader(
                new ReadOnlyRedis(
                        settings.redis(),
                        IamToken.ofThisFunction(),
                        settings.redisPasswordSecret().map(secret -> secret::read))
                    ::evaluate,
                settings.dramatiqNamespace(),
                settings.queues(),
                settings.oldestJobAge(),
                clock)
            ::read,
        settings
            .workers()
            .map(in -> new WorkerCounter(aws.ecs(), in.cluster(), in.service())::count),
        new Datums(settings.serviceName(), settings.perQueueMetrics()),
        new MetricPublisher(aws.cloudWatch(), settings.metricNamespace())::publish,
        clock,
        log);
    FirstRead.run(this::readOnce, log);
  }

  PublishHandler(
      Supplier<Snapshot> queues,
      Optional<Supplier<Workers>> workers,
      Datums datums,
      Consumer<List<MetricDatum>> publisher,
      Clock clock,
      JsonLog log) {
    this.queues = queues;
    this.workers = workers;
    this.datums = datums;
    this.publisher = publisher;
    this.clock = clock;
    this.log = log;
  }

  /**
   * Ignores the event: whenever it was due, the queues are read as they are now.
   *
   * @throws TickFailedException if anything could not be read or published
   */
  @Override
  public void handleRequest(InputStream event, OutputStream result, Context context)
      throws IOException {
    tick();
    result.write("null".getBytes(StandardCharsets.UTF_8));
  }

  private void readOnce() {
    var report = new TickReport(clock);
    read(report);
    report.throwIfAnythingFailed();
  }

  private void tick() {
    var report = new TickReport(clock);
    Snapshot snapshot = read(report);
    List<MetricDatum> gathered = datums.of(snapshot);
    boolean published =
        !gathered.isEmpty() && report.attempt("cloudwatch", () -> publish(gathered)).isPresent();
    report.add(snapshot.problems());
    log.write(report.line(snapshot, gathered.size(), published));
    report.throwIfAnythingFailed();
  }

  /** What Redis and ECS say; a failure of one costs nothing of the other. */
  private Snapshot read(TickReport report) {
    Snapshot snapshot =
        report.attempt("redis", queues).orElseGet(() -> Snapshot.unread(clock.instant()));
    return workers
        .flatMap(counter -> report.attempt("ecs", counter))
        .map(counted -> snapshot.withWorkers(counted.running(), counted.desired()))
        .orElse(snapshot);
  }

  private int publish(List<MetricDatum> gathered) {
    publisher.accept(gathered);
    return gathered.size();
  }
}
