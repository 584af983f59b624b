package so.suna.queuemetrics;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import so.suna.queuemetrics.aws.AwsClients;
import so.suna.queuemetrics.aws.Tls;
import so.suna.queuemetrics.cloudwatch.Datums;
import so.suna.queuemetrics.cloudwatch.MetricPublisher;
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;
import so.suna.queuemetrics.dramatiq.SnapshotReader;
import so.suna.queuemetrics.ecs.WorkerCounter;
import so.suna.queuemetrics.redis.IamToken;
import so.suna.queuemetrics.redis.ReadOnlyRedis;
import software.amazon.awssdk.services.cloudwatch.model.MetricDatum;

/**
 * One tick: reads the queues, counts the workers, publishes what is known. Whatever is unknown is
 * left out, and then the invocation fails naming it, so that the function's error alarm rings. A
 * stream handler, since a typed one loads Jackson and Joda-Time to make an event that nobody reads.
 */
public final class PublishHandler implements RequestStreamHandler {

  /** About an hour, so that a whole handshake costs next to nothing a tick. */
  static final int TICKS_WITH_THE_SAME_TLS_SESSIONS = 60;

  private final Supplier<BrokerSnapshot> queues;
  private final Optional<Supplier<Integer>> workers;
  private final Datums datums;
  private final Consumer<List<MetricDatum>> publisher;
  private final Clock clock;
  private int ticks;

  /**
   * The one that Lambda calls. Opens no connection.
   *
   * @throws IllegalArgumentException if the environment is bad
   */
  public PublishHandler() {
    this(System.getenv());
  }

  PublishHandler(Map<String, String> environment) {
    this(Settings.of(environment), AwsClients.ofThisFunction());
  }

  private PublishHandler(Settings settings, AwsClients aws) {
    this(
        new SnapshotReader(
                new ReadOnlyRedis(settings.redis(), IamToken.ofThisFunction())::evaluate,
                settings.dramatiqNamespace(),
                settings.queues(),
                Clock.systemUTC())
            ::read,
        settings
            .workers()
            .map(in -> new WorkerCounter(aws.ecs(), in.cluster(), in.service()))
            .map(counter -> () -> counter.count().running()),
        new Datums(settings.serviceName(), settings.perQueueMetrics()),
        new MetricPublisher(aws.cloudWatch(), settings.metricNamespace())::publish,
        Clock.systemUTC());
  }

  PublishHandler(
      Supplier<BrokerSnapshot> queues,
      Optional<Supplier<Integer>> workers,
      Datums datums,
      Consumer<List<MetricDatum>> publisher,
      Clock clock) {
    this.queues = queues;
    this.workers = workers;
    this.datums = datums;
    this.publisher = publisher;
    this.clock = clock;
  }

  /**
   * The event is not looked at: when it was meant for does not matter, the queues are read as they
   * are now.
   *
   * @throws TickFailedException if anything could not be read or published
   */
  @Override
  public void handleRequest(InputStream event, OutputStream result, Context context)
      throws IOException {
    tick(line -> context.getLogger().log(line + "\n"));
    result.write("null".getBytes(StandardCharsets.UTF_8));
  }

  private void tick(Consumer<String> log) {
    var report = new TickReport(clock);
    Optional<BrokerSnapshot> snapshot = report.attempt("redis", queues);
    Optional<Integer> running = workers.flatMap(counter -> report.attempt("ecs", counter));

    List<MetricDatum> gathered = new ArrayList<>();
    snapshot.map(datums::of).ifPresent(gathered::addAll);
    running.map(count -> datums.ofWorkers(count, clock.instant())).ifPresent(gathered::add);
    snapshot
        .flatMap(queues -> running.flatMap(count -> datums.ofBacklogPerWorker(queues, count)))
        .ifPresent(gathered::add);

    // The totals first: scaling hangs on them, and beyond a thousand datums a later call may fail.
    gathered.sort(Comparator.comparingInt(datum -> datum.dimensions().size()));

    boolean published =
        !gathered.isEmpty() && report.attempt("cloudwatch", () -> publish(gathered)).isPresent();
    snapshot.map(BrokerSnapshot::problems).ifPresent(report::add);
    log.accept(report.line(gathered, published));
    if (++ticks % TICKS_WITH_THE_SAME_TLS_SESSIONS == 0) {
      Tls.forgetSessions();
    }
    report.throwIfAnythingFailed();
  }

  private int publish(List<MetricDatum> gathered) {
    publisher.accept(gathered);
    return gathered.size();
  }
}
