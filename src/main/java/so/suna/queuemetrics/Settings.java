package so.suna.queuemetrics;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import so.suna.queuemetrics.aws.Secret;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.http.BearerToken;
import so.suna.queuemetrics.postgres.Database;
import so.suna.queuemetrics.redis.Login;
import so.suna.queuemetrics.redis.RedisEndpoint;

/**
 * The settings of both functions, read from the environment once at the start. Immutable.
 *
 * @param oldestJobAge false: the broker's encoder is not JSON, so no age can be read
 * @param redisPasswordSecret where the password is read again after Redis refused it
 * @param workers empty: workers are not counted and there is no backlog per worker
 */
record Settings(
    RedisEndpoint redis,
    Optional<Secret> redisPasswordSecret,
    String dramatiqNamespace,
    List<QueueName> queues,
    boolean perQueueMetrics,
    boolean oldestJobAge,
    String metricNamespace,
    String serviceName,
    Optional<WorkerService> workers,
    Optional<BearerToken> queryToken,
    Optional<Database> database,
    Optional<Secret> databaseUrlSecret) {

  /** The ECS service whose running tasks are the workers. */
  record WorkerService(String cluster, String service) {}

  // ECS sets some of its own:
  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-environment-variables.html
  private static final String LOOKS_LIKE_A_SETTING =
      "(?!ECS_CONTAINER_METADATA_|ECS_AGENT_URI$)(REDIS|DRAMATIQ|QUEUE|ECS)_.*";

  private static final Map<String, String> SYNONYMS =
      Map.of(
          "REDIS_DB", "REDIS_DATABASE",
          "REDIS_SSL", "REDIS_TLS",
          "REDIS_URL",
              "REDIS_HOST, REDIS_PORT, REDIS_DATABASE, REDIS_TLS, REDIS_USER, REDIS_PASSWORD",
          "REDIS_USERNAME", "REDIS_USER",
          "QUEUES", "QUEUE_NAMES",
          "DRAMATIQ_QUEUES", "QUEUE_NAMES");

  /**
   * @throws IllegalArgumentException if any variable is bad; the message lists all that are, with
   *     values but no secrets
   */
  static Settings of(Map<String, String> variables) {
    var env = new Environment(variables);
    var settings =
        new Settings(
            redis(env),
            secret(env, "REDIS_PASSWORD_SECRET_ARN", "REDIS_PASSWORD"),
            // Redis accepts anything, but a mistyped namespace matches no key: all would read as 0.
            env.text(
                    "DRAMATIQ_NAMESPACE",
                    "\\S*[^\\s:]",
                    "the broker's namespace, without blanks or a colon at its end")
                .orElse("dramatiq"),
            queues(env),
            env.flag("PER_QUEUE_METRICS", false),
            env.flag("OLDEST_JOB_AGE", true),
            // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
            env.text(
                    "METRIC_NAMESPACE",
                    "(?!AWS/)[A-Za-z0-9._/#-][A-Za-z0-9._/#: -]{0,254}",
                    "1 to 255 letters, digits, blanks and any of . _ - / # :, not beginning with AWS/, a blank or a colon")
                .orElse("Kortix"),
            // https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html
            env.text(
                    "SERVICE_NAME",
                    "[ -9;-~][ -~]{0,1023}",
                    "1 to 1024 printable ASCII characters, not beginning with a colon")
                .orElse("worker"),
            workers(env),
            env.secret("QUERY_TOKEN", BearerToken::new),
            env.secret("DATABASE_URL", Database::of),
            secret(env, "DATABASE_URL_SECRET_ARN", "DATABASE_URL"));
    env.refuseOthers(LOOKS_LIKE_A_SETTING, SYNONYMS);
    env.throwIfFaulty();
    return settings;
  }

  private static RedisEndpoint redis(Environment env) {
    String host =
        env.required(
            "REDIS_HOST",
            "[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}",
            "a host name, or an IPv4 or IPv6 address without brackets, and no scheme or port");
    int port = env.number("REDIS_PORT", 1, 65_535, 6379);
    int database = env.number("REDIS_DATABASE", 0, Integer.MAX_VALUE, 0);
    boolean tls = env.flag("REDIS_TLS", true);
    return new RedisEndpoint(host, port, database, tls, login(env, tls));
  }

  private static Login login(Environment env, boolean tls) {
    String authentication = env.text("REDIS_AUTHENTICATION").orElse("none");
    Optional<String> user = env.text("REDIS_USER");
    Optional<String> password = env.text("REDIS_PASSWORD");
    // https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateReplicationGroup.html
    Optional<String> cacheName =
        env.text(
            "REDIS_CACHE_NAME",
            "[A-Za-z][A-Za-z0-9-]{0,39}",
            "a replication group's id or a serverless cache's name, at most 40 letters, digits and -");
    boolean serverless = env.flag("REDIS_SERVERLESS", false);
    String set = " must be set with REDIS_AUTHENTICATION=%s, was empty".formatted(authentication);
    String unused =
        " is set, but REDIS_AUTHENTICATION=%s does not use it".formatted(authentication);
    return switch (authentication) {
      case "none" -> {
        env.expect(user.isEmpty(), "REDIS_USER" + unused);
        env.expect(password.isEmpty(), "REDIS_PASSWORD" + unused);
        yield new Login.None();
      }
      case "password" -> {
        env.expect(password.isPresent(), "REDIS_PASSWORD" + set);
        yield new Login.Password(user, password.orElse(""));
      }
      case "iam" -> {
        env.expect(password.isEmpty(), "REDIS_PASSWORD" + unused);
        env.expect(
            tls,
            "REDIS_TLS must be true with REDIS_AUTHENTICATION=iam, since ElastiCache takes tokens over TLS only, was false");
        env.expect(user.isPresent(), "REDIS_USER" + set);
        env.expect(cacheName.isPresent(), "REDIS_CACHE_NAME" + set);
        // ElastiCache keeps the name in lower case, and the signature covers its case.
        yield new Login.Iam(
            user.orElse(""), cacheName.orElse("").toLowerCase(Locale.ROOT), serverless);
      }
      default -> {
        // Not shown: someone may have entered the password here.
        env.fault("REDIS_AUTHENTICATION must be none, password or iam, was something else");
        yield new Login.None();
      }
    };
  }

  /** Where a value is read again once it is refused, so it must be there to begin with. */
  private static Optional<Secret> secret(Environment env, String name, String value) {
    Optional<String> reference = env.text(name);
    // Not shown: someone may have entered the secret itself here.
    env.expect(
        reference.isEmpty() || reference.get().matches(Secret.PATTERN),
        name
            + " must be the ARN of a Secrets Manager secret, optionally followed by :SecretString:KEY:STAGE:VERSION, was something else");
    env.expect(
        reference.isEmpty() || env.text(value).isPresent(),
        "%s must be set with %s, was empty".formatted(value, name));
    return reference.map(Secret::of);
  }

  private static List<QueueName> queues(Environment env) {
    List<QueueName> queues = new ArrayList<>();
    for (String name : env.text("QUEUE_NAMES").orElse("default").split(",", -1)) {
      try {
        var queue = new QueueName(name.strip());
        env.expect(
            !queues.contains(queue),
            "QUEUE_NAMES must name each queue once, or its messages count twice: %s came again"
                .formatted(queue));
        queues.add(queue);
      } catch (IllegalArgumentException e) {
        env.fault(
            "QUEUE_NAMES must be queue names separated by commas: "
                + Environment.shown(String.valueOf(e.getMessage())));
      }
    }
    return List.copyOf(queues);
  }

  private static Optional<WorkerService> workers(Environment env) {
    Optional<String> service = ecsName(env, "ECS_WORKER_SERVICE");
    Optional<String> cluster = ecsName(env, "ECS_CLUSTER");
    env.expect(
        service.isEmpty() || cluster.isPresent(),
        "ECS_CLUSTER must be set with ECS_WORKER_SERVICE, was empty");
    return service.flatMap(name -> cluster.map(in -> new WorkerService(in, name)));
  }

  // https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
  private static Optional<String> ecsName(Environment env, String name) {
    return env.text(name, "[A-Za-z0-9_-]{1,255}", "a name of 1 to 255 letters, digits, _ and -");
  }
}
