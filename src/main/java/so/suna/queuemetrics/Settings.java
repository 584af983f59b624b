package so.suna.queuemetrics;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.http.BearerToken;
import so.suna.queuemetrics.postgres.Database;
import so.suna.queuemetrics.redis.Login;
import so.suna.queuemetrics.redis.RedisEndpoint;

/**
 * What the environment says, read and checked once at the start. An empty variable counts as one
 * that is not set. Immutable.
 *
 * @param workers empty: workers are not counted and there is no backlog per worker
 */
record Settings(
    RedisEndpoint redis,
    String dramatiqNamespace,
    List<QueueName> queues,
    boolean perQueueMetrics,
    String metricNamespace,
    String serviceName,
    Optional<WorkerService> workers,
    Optional<BearerToken> queryToken,
    Optional<Database> database) {

  /** The ECS service whose running tasks are the workers. */
  record WorkerService(String cluster, String service) {}

  /**
   * @throws IllegalArgumentException if any variable is bad; the message lists all that are, with
   *     values but no secrets
   */
  static Settings of(Map<String, String> environment) {
    return new Reader(environment).settings();
  }

  private static final class Reader {

    private static final Pattern HOST = Pattern.compile("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?");
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    private static final Pattern METRIC_NAMESPACE =
        Pattern.compile("(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}");
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
    private static final Pattern DIMENSION_VALUE = Pattern.compile("[ -9;-~][ -~]{0,1023}");
    // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    private static final Pattern ECS_NAME = Pattern.compile("[A-Za-z0-9_-]{1,255}");

    // Any other would do for Redis, but is a slip: all keys would be missing, and read as 0.
    private static final Pattern DRAMATIQ_NAMESPACE = Pattern.compile("\\S*[^\\s:]");
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    private static final Pattern CACHE_NAME = Pattern.compile("[A-Za-z][A-Za-z0-9-]{0,39}");

    private final Map<String, String> environment;
    // A set, since a variable that two checks look at is still one fault.
    private final Set<String> faults = new LinkedHashSet<>();

    Reader(Map<String, String> environment) {
      this.environment = environment;
    }

    Settings settings() {
      var settings =
          new Settings(
              new RedisEndpoint(
                  required("REDIS_HOST", HOST, "a host name or address, without scheme or port"),
                  port("REDIS_PORT", 6379),
                  flag("REDIS_TLS", true),
                  login()),
              matching(
                      "DRAMATIQ_NAMESPACE",
                      DRAMATIQ_NAMESPACE,
                      "the broker's namespace, without blanks or a colon at its end")
                  .orElse("dramatiq"),
              queues(),
              flag("PER_QUEUE_METRICS", false),
              matching(
                      "METRIC_NAMESPACE",
                      METRIC_NAMESPACE,
                      "1 to 255 letters, digits, blanks and any of . _ - / # :, not beginning with AWS/, a blank or a colon")
                  .orElse("Kortix"),
              matching(
                      "SERVICE_NAME",
                      DIMENSION_VALUE,
                      "1 to 1024 printable ASCII characters, not beginning with a colon")
                  .orElse("worker"),
              workers(),
              secret("QUERY_TOKEN", BearerToken::new),
              secret("DATABASE_URL", Database::of));
      if (!faults.isEmpty()) {
        throw new IllegalArgumentException("bad settings: " + String.join("; ", faults));
      }
      return settings;
    }

    private Login login() {
      String authentication = value("REDIS_AUTHENTICATION").orElse("none");
      return switch (authentication) {
        case "none" -> noLogin();
        case "password" ->
            new Login.Password(value("REDIS_USER"), requiredWith("REDIS_PASSWORD", "password"));
        case "iam" -> iamLogin();
        default -> {
          fault("REDIS_AUTHENTICATION must be none, password or iam, was something else");
          yield new Login.None();
        }
      };
    }

    private Login noLogin() {
      unused("REDIS_USER", "password or iam", "none");
      unused("REDIS_PASSWORD", "password", "none");
      return new Login.None();
    }

    private Login iamLogin() {
      unused("REDIS_PASSWORD", "password", "iam");
      if (!flag("REDIS_TLS", true)) {
        fault(
            "REDIS_TLS must be true with REDIS_AUTHENTICATION=iam, since ElastiCache takes tokens over TLS only, was false");
      }
      matching(
          "REDIS_CACHE_NAME",
          CACHE_NAME,
          "a replication group's id, at most 40 letters, digits and -");
      // ElastiCache keeps the name in lower case, and the signature covers its case.
      return new Login.Iam(
          requiredWith("REDIS_USER", "iam"),
          requiredWith("REDIS_CACHE_NAME", "iam").toLowerCase(Locale.ROOT));
    }

    private void unused(String name, String wanted, String authentication) {
      if (value(name).isPresent()) {
        fault(
            "%s is set, so REDIS_AUTHENTICATION must be %s, was %s"
                .formatted(name, wanted, authentication));
      }
    }

    private String requiredWith(String name, String authentication) {
      if (value(name).isEmpty()) {
        fault(
            "%s must be set with REDIS_AUTHENTICATION=%s, was empty"
                .formatted(name, authentication));
      }
      return value(name).orElse("");
    }

    private List<QueueName> queues() {
      String names = value("QUEUE_NAMES").orElse("default");
      Set<String> seen = new HashSet<>();
      List<QueueName> queues = new ArrayList<>();
      for (String name : Arrays.stream(names.split(",", -1)).map(String::strip).toList()) {
        try {
          queues.add(new QueueName(name));
          if (!seen.add(name)) {
            fault(
                "QUEUE_NAMES must name each queue once, or its messages count twice: %s came again"
                    .formatted(name));
          }
        } catch (IllegalArgumentException e) {
          fault(
              "QUEUE_NAMES must be queue names separated by commas: "
                  + shown(String.valueOf(e.getMessage())));
        }
      }
      return queues;
    }

    private Optional<WorkerService> workers() {
      Optional<String> service = ecsName("ECS_WORKER_SERVICE");
      Optional<String> cluster = ecsName("ECS_CLUSTER");
      if (service.isPresent() && value("ECS_CLUSTER").isEmpty()) {
        fault("ECS_CLUSTER must be set with ECS_WORKER_SERVICE, was empty");
      }
      return service.flatMap(name -> cluster.map(in -> new WorkerService(in, name)));
    }

    private Optional<String> ecsName(String name) {
      return matching(name, ECS_NAME, "a name of 1 to 255 letters, digits, _ and -");
    }

    private int port(String name, int otherwise) {
      Optional<String> value = value(name);
      if (value.isEmpty()) {
        return otherwise;
      }
      boolean inRange = value.get().matches("[0-9]{1,5}") && isPort(Integer.parseInt(value.get()));
      if (!inRange) {
        fault("%s must be 1 to 65535, was %s".formatted(name, shown(value.get())));
      }
      return inRange ? Integer.parseInt(value.get()) : otherwise;
    }

    private static boolean isPort(int number) {
      return number >= 1 && number <= 65_535;
    }

    private boolean flag(String name, boolean otherwise) {
      String value = value(name).orElse(Boolean.toString(otherwise));
      return switch (value) {
        case "true" -> true;
        case "false" -> false;
        default -> {
          fault("%s must be true or false, was %s".formatted(name, shown(value)));
          yield otherwise;
        }
      };
    }

    private String required(String name, Pattern allowed, String expected) {
      if (value(name).isEmpty()) {
        fault("%s must be %s, was empty".formatted(name, expected));
      }
      return matching(name, allowed, expected).orElse("");
    }

    private Optional<String> matching(String name, Pattern allowed, String expected) {
      Optional<String> value = value(name);
      if (value.isPresent() && !allowed.matcher(value.get()).matches()) {
        fault("%s must be %s, was %s".formatted(name, expected, shown(value.get())));
      }
      return value;
    }

    /** A whole URL may have been put where a name belongs, and it may hold a password. */
    private static String shown(String value) {
      return value.replaceFirst("(?s).*@", "***@");
    }

    private <T> Optional<T> secret(String name, Function<String, T> reader) {
      try {
        return value(name).map(reader);
      } catch (IllegalArgumentException e) {
        fault("%s: %s, was ***".formatted(name, e.getMessage()));
        return Optional.empty();
      }
    }

    private Optional<String> value(String name) {
      @Nullable String value = environment.get(name);
      return Optional.ofNullable(value).filter(text -> !text.isBlank());
    }

    private void fault(String fault) {
      faults.add(fault);
    }
  }
}
