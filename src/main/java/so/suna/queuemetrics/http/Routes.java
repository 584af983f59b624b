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
import so.suna.queuemetrics.dramatiq.BrokerSnapshot;

/**
 * The three routes of the query function, worded as FastAPI words them. Safe for use by several
 * threads.
 */
public final class Routes {

  /** Something whose failure makes the deep health check fail. */
  @FunctionalInterface
  public interface Check {
    void run() throws Exception;
  }

  /** A read and what it is answered with. */
  private record Shared(Instant readAt, Answer answer) {}

  /** A burst of queries shares one read. */
  static final Duration SHARED_FOR = Duration.ofSeconds(1);

  private final Supplier<BrokerSnapshot> queues;
  private final Check redis;
  private final Optional<Check> database;
  private final Optional<BearerToken> token;
  private final Clock clock;
  private @Nullable Shared shared;

  /**
   * @param token what every caller must show; none where AWS has already checked the caller
   */
  public Routes(
      Supplier<BrokerSnapshot> queues,
      Check redis,
      Optional<Check> database,
      Optional<BearerToken> token,
      Clock clock) {
    this.queues = queues;
    this.redis = redis;
    this.database = database;
    this.token = token;
    this.clock = clock;
  }

  /**
   * Answers one request; never throws. Those that share a read get the same answer.
   *
   * @param instanceId which instance answers
   * @param log takes what went wrong and why; nothing of it reaches the caller
   */
  public Answer answer(Request request, String instanceId, BiConsumer<String, Exception> log) {
    Answer answer = wholeAnswer(request, instanceId, log);
    return request.method().equals("HEAD") ? answer.withoutBody() : answer;
  }

  private Answer wholeAnswer(
      Request request, String instanceId, BiConsumer<String, Exception> log) {
    if (token.isPresent() && !token.get().isShownBy(request.authorization())) {
      return Answer.error(401, "Unauthorized").with("WWW-Authenticate", "Bearer");
    }
    Optional<Supplier<Answer>> route =
        switch (decoded(request.path())) {
          case "/api/metrics/queue" -> Optional.of(() -> queueMetrics(log));
          case "/api/health" -> Optional.of(() -> health(instanceId));
          case "/api/health-docker" -> Optional.of(() -> deepHealth(instanceId, log));
          default -> Optional.empty();
        };
    if (route.isEmpty()) {
      return Answer.error(404, "Not Found");
    }
    return switch (request.method()) {
      case "GET", "HEAD" -> route.get().get();
      default -> Answer.error(405, "Method Not Allowed").with("Allow", "GET, HEAD");
    };
  }

  private Answer queueMetrics(BiConsumer<String, Exception> log) {
    try {
      return read(log);
    } catch (RuntimeException e) {
      log.accept("queue metrics not read", e);
      return Answer.error(500, "Failed to get queue metrics");
    }
  }

  private Answer health(String instanceId) {
    return Answer.json(200, QueueMetricsJson.health(clock.instant(), instanceId, Optional.empty()));
  }

  private Answer deepHealth(String instanceId, BiConsumer<String, Exception> log) {
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

  private synchronized Answer read(BiConsumer<String, Exception> log) {
    Instant now = clock.instant();
    Shared recent = shared;
    // A clock that was set back makes the shared snapshot seem to come from the future: read again.
    if (recent != null
        && !now.isBefore(recent.readAt())
        && now.isBefore(recent.readAt().plus(SHARED_FOR))) {
      return recent.answer();
    }
    shared = null; // So that no failed read leaves an older answer behind.
    BrokerSnapshot fresh = queues.get();
    if (!fresh.problems().isEmpty()) {
      log.accept(
          "some values not read", new IllegalStateException(String.join("; ", fresh.problems())));
    }
    Answer answer = Answer.json(200, QueueMetricsJson.of(fresh));
    shared = new Shared(fresh.readAt(), answer);
    return answer;
  }

  /** What is no percent-encoding stays as it is, and matches no route. */
  private static String decoded(String path) {
    try {
      return URLDecoder.decode(path, StandardCharsets.UTF_8);
    } catch (IllegalArgumentException _) {
      return path;
    }
  }
}
