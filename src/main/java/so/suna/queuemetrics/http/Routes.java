package so.suna.queuemetrics.http;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.dramatiq.Snapshot;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;

/** The query function's routes, worded as FastAPI words them. Safe for use by several threads. */
public final class Routes {

  @FunctionalInterface
  public interface Check {
    void run() throws Exception;
  }

  private static final Answer NOT_FOUND = Answer.error(404, "Not Found");

  /** A burst of queries shares one read. */
  static final Duration SHARED_FOR = Duration.ofSeconds(1);

  private final Supplier<Snapshot> queues;
  private final Check redis;
  private final Optional<Check> database;
  private final Optional<BearerToken> token;
  private final Clock clock;
  private final BiConsumer<String, Exception> log;
  private @Nullable Snapshot shared;

  /**
   * @param token what every caller must show whom AWS has not authenticated
   * @param log takes what went wrong and why; nothing of it reaches the caller
   */
  public Routes(
      Supplier<Snapshot> queues,
      Check redis,
      Optional<Check> database,
      Optional<BearerToken> token,
      Clock clock,
      BiConsumer<String, Exception> log) {
    this.queues = queues;
    this.redis = redis;
    this.database = database;
    this.token = token;
    this.clock = clock;
    this.log = log;
  }

  /** Answers one event as the named instance; never throws. */
  public Answer answer(Event event, String instanceId) {
    return switch (event) {
      case Request request when request.method().equals("HEAD") ->
          answer(request, instanceId).withoutBody();
      case Request request -> answer(request, instanceId);
      case KeepAlive() -> Answer.NO_CONTENT;
      case NotUnderstood(var finding) -> {
        log.accept("event not understood", new IllegalArgumentException(finding));
        yield NOT_FOUND;
      }
    };
  }

  private Answer answer(Request request, String instanceId) {
    if (token.isPresent()
        && !request.authenticated()
        && !token.get().isShownBy(request.authorization())) {
      return Answer.error(401, "Unauthorized").with("WWW-Authenticate", "Bearer");
    }
    return switch (normalized(request.path())) {
      case "/api/metrics/queue" -> get(request, () -> queueMetricsOrFailure(request.accept()));
      case "/api/health" -> get(request, () -> health(instanceId));
      case "/api/health-docker" -> get(request, () -> deepHealth(instanceId));
      default -> NOT_FOUND;
    };
  }

  private static Answer get(Request request, Supplier<Answer> route) {
    return switch (request.method()) {
      case "GET", "HEAD" -> route.get();
      default -> Answer.error(405, "Method Not Allowed").with("Allow", "GET, HEAD");
    };
  }

  private Answer queueMetricsOrFailure(String accept) {
    try {
      return queueMetrics(accept);
    } catch (RuntimeException e) {
      log.accept("queue metrics not read", e);
      return Answer.error(500, "Failed to get queue metrics");
    }
  }

  /**
   * The answer to a query that is allowed, from a read of at most a second ago.
   *
   * @param accept the formats that the caller takes, as in the header of that name
   * @throws RuntimeException if the queues cannot be read
   */
  public Answer queueMetrics(String accept) {
    Snapshot snapshot = sharedRead();
    return OpenMetrics.isPreferredBy(accept)
        ? Answer.of(200, OpenMetrics.CONTENT_TYPE, OpenMetrics.of(snapshot))
        : Answer.json(200, QueueMetricsJson.of(snapshot));
  }

  private synchronized Snapshot sharedRead() {
    Instant now = clock.instant();
    Snapshot recent = shared;
    // If the clock was set back, the shared read seems to come from the future: read again.
    if (recent != null
        && !now.isBefore(recent.readAt())
        && now.isBefore(recent.readAt().plus(SHARED_FOR))) {
      return recent;
    }
    shared = null; // So that no failed read leaves an older one behind.
    Snapshot fresh = queues.get();
    if (!fresh.problems().isEmpty()) {
      log.accept(
          "some values not read", new IllegalStateException(String.join("; ", fresh.problems())));
    }
    shared = fresh;
    return fresh;
  }

  private Answer health(String instanceId) {
    return Answer.json(200, QueueMetricsJson.health(clock.instant(), instanceId, Optional.empty()));
  }

  private Answer deepHealth(String instanceId) {
    try {
      redis.run();
      if (database.isPresent()) {
        database.get().run();
      }
    } catch (Exception e) {
      log.accept("health check failed", e);
      return Answer.error(500, "Health check failed");
    }
    Optional<String> said = Optional.of(database.isPresent() ? "ok" : "skipped: no DATABASE_URL");
    return Answer.json(200, QueueMetricsJson.health(clock.instant(), instanceId, said));
  }

  /** Decoded, and without slashes that are repeated or at the end. */
  private static String normalized(String path) {
    String normalized = decoded(path).replaceAll("/+", "/");
    return normalized.endsWith("/") ? normalized.substring(0, normalized.length() - 1) : normalized;
  }

  /** A path that is not percent-encoded properly stays as it is, and matches no route. */
  private static String decoded(String path) {
    try {
      return URLDecoder.decode(path, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException _) {
      return path;
    }
  }
}
