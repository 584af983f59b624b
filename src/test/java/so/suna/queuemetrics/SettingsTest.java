package so.suna.queuemetrics;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.gson.JsonElement;
import com.google.gson.JsonParser;
import java.io.InputStreamReader;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.Settings.WorkerService;
import so.suna.queuemetrics.aws.Secret;
import so.suna.queuemetrics.dramatiq.QueueName;
import so.suna.queuemetrics.redis.Login;
import so.suna.queuemetrics.redis.RedisEndpoint;

class SettingsTest {

  private static final Settings DEFAULTS =
      new Settings(
          new RedisEndpoint("cache.example", 6379, 0, true, new Login.None()),
          Optional.empty(),
          "dramatiq",
          List.of(new QueueName("default")),
          false,
          true,
          "Kortix",
          "worker",
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  private static final String SECRET =
      "arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf";

  /** Of NAME=VALUE, with " & " or a new line between them, and a host. */
  private static Settings settings(String variables) {
    var environment = new HashMap<>(Map.of("REDIS_HOST", "cache.example"));
    Stream.of(variables.split(" & |\n"))
        .map(variable -> variable.split("=", 2))
        .forEach(variable -> environment.put(variable[0], variable[1]));
    return Settings.of(environment);
  }

  private static void assertFault(String message, String variables) {
    assertThatThrownBy(() -> settings(variables))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("bad settings: " + message);
  }

  @Test
  void redisHostIsAllThatMustBeSet() {
    assertThat(Settings.of(Map.of("REDIS_HOST", "cache.example"))).isEqualTo(DEFAULTS);
  }

  @Test
  void blankVariablesCountAsNotSet() {
    String blanks =
        """
        REDIS_PORT REDIS_DATABASE REDIS_TLS REDIS_AUTHENTICATION REDIS_USER REDIS_PASSWORD REDIS_PASSWORD_SECRET_ARN
        REDIS_CACHE_NAME REDIS_SERVERLESS QUEUE_NAMES DRAMATIQ_NAMESPACE PER_QUEUE_METRICS OLDEST_JOB_AGE METRIC_NAMESPACE SERVICE_NAME ECS_CLUSTER ECS_WORKER_SERVICE
        QUERY_TOKEN DATABASE_URL DATABASE_URL_SECRET_ARN REDIS_URL QUEUE_NAME
        """;

    assertThat(settings(blanks.replaceAll("\\s", "=\n"))).isEqualTo(DEFAULTS);
    assertThat(settings(blanks.replaceAll("\\s", "= \n"))).isEqualTo(DEFAULTS);
  }

  @Test
  void everyVariableIsHeeded() {
    Settings settings =
        settings(
            """
            REDIS_HOST=10.0.0.7
            REDIS_PORT=6380
            REDIS_DATABASE=10
            REDIS_TLS=false
            REDIS_AUTHENTICATION=password
            REDIS_USER=metrics
            REDIS_PASSWORD=pass word
            REDIS_PASSWORD_SECRET_ARN=%1$s:SecretString:password
            QUEUE_NAMES=slow, default
            DRAMATIQ_NAMESPACE=other
            PER_QUEUE_METRICS=true
            OLDEST_JOB_AGE=false
            METRIC_NAMESPACE=Acme/Queues #1
            SERVICE_NAME=slow worker: 2
            ECS_CLUSTER=suna-ecs
            ECS_WORKER_SERVICE=suna-worker-svc
            QUERY_TOKEN=token
            DATABASE_URL=postgresql://db.example/suna
            DATABASE_URL_SECRET_ARN=%1$s"""
                .formatted(SECRET));

    assertThat(settings.redis())
        .isEqualTo(
            new RedisEndpoint(
                "10.0.0.7",
                6380,
                10,
                false,
                new Login.Password(Optional.of("metrics"), "pass word")));
    assertThat(settings.dramatiqNamespace()).isEqualTo("other");
    assertThat(settings.queues()).containsExactly(new QueueName("slow"), new QueueName("default"));
    assertThat(settings.perQueueMetrics()).isTrue();
    assertThat(settings.oldestJobAge()).isFalse();
    assertThat(settings.metricNamespace()).isEqualTo("Acme/Queues #1");
    assertThat(settings.serviceName()).isEqualTo("slow worker: 2");
    assertThat(settings.workers()).contains(new WorkerService("suna-ecs", "suna-worker-svc"));
    assertThat(settings.queryToken()).isPresent();
    assertThat(settings.database()).isPresent();
    assertThat(settings.redisPasswordSecret()).contains(new Secret(SECRET, "password", "", ""));
    assertThat(settings.databaseUrlSecret()).contains(new Secret(SECRET, "", "", ""));
  }

  @Test
  void serviceNameOf1024CharactersIsTaken() {
    assertThat(settings("SERVICE_NAME=" + "w".repeat(1024)).serviceName()).hasSize(1024);
  }

  /** The values of settings-values.json, which the tests of the template read too. */
  private static Stream<Arguments> table(String goodOrBad) {
    var json =
        new InputStreamReader(
            requireNonNull(SettingsTest.class.getResourceAsStream("settings-values.json")), UTF_8);
    return JsonParser.parseReader(json).getAsJsonArray().asList().stream()
        .map(JsonElement::getAsJsonObject)
        .flatMap(
            row ->
                row.getAsJsonArray(goodOrBad).asList().stream()
                    .map(
                        value ->
                            arguments(
                                row.get("variable").getAsString(),
                                value.getAsString(),
                                row.has("expected") ? row.get("expected").getAsString() : "")));
  }

  static Stream<Arguments> goodValuesOfTheTable() {
    return table("good");
  }

  static Stream<Arguments> badValuesOfTheTable() {
    return table("bad");
  }

  /** With the value, and what it needs beside it. */
  private static Settings settings(String variable, String value) {
    String beside =
        switch (variable) {
          case "REDIS_PASSWORD_SECRET_ARN" -> "REDIS_AUTHENTICATION=password & REDIS_PASSWORD=p & ";
          case "ECS_WORKER_SERVICE" -> "ECS_CLUSTER=suna-ecs & ";
          default -> "";
        };
    return settings(beside + variable + "=" + value);
  }

  @ParameterizedTest
  @MethodSource("goodValuesOfTheTable")
  void goodValueIsTaken(String variable, String value) {
    assertThatCode(() -> settings(variable, value)).doesNotThrowAnyException();
  }

  /** What is expected is not in the table where it depends on the value. */
  @ParameterizedTest
  @MethodSource("badValuesOfTheTable")
  void badValueIsRefusedWithWhatIsExpectedAndWhatWasThere(
      String variable, String value, String expected) {
    String found = value.isEmpty() ? "empty" : value.replaceFirst(".*@", "***@");
    var refused =
        assertThatThrownBy(() -> settings(variable, value))
            .isInstanceOf(IllegalArgumentException.class);
    if (expected.isEmpty()) {
      refused.hasMessageStartingWith("bad settings: " + variable);
    } else {
      refused.hasMessage(
          "bad settings: %s must be %s, was %s".formatted(variable, expected, found));
    }
  }

  @Test
  void passwordLoginIsForTheDefaultUserUnlessOneIsNamed() {
    assertThat(settings("REDIS_AUTHENTICATION=password & REDIS_PASSWORD=p").redis().login())
        .isEqualTo(new Login.Password(Optional.empty(), "p"));
  }

  @ParameterizedTest
  @CsvSource({"true", "false"})
  void iamLoginTakesTheCacheNameInLowerCaseAndMayBeServerless(boolean serverless) {
    String login = "REDIS_AUTHENTICATION=iam & REDIS_USER=Metrics & REDIS_CACHE_NAME=Suna-Redis";

    assertThat(settings(login + " & REDIS_SERVERLESS=" + serverless).redis().login())
        .isEqualTo(new Login.Iam("Metrics", "suna-redis", serverless));
  }

  @Test
  void workersAreNotCountedWithoutAService() {
    assertThat(settings("ECS_CLUSTER=suna-ecs").workers()).isEmpty();
  }

  @Test
  void settingsPrintNoSecret() {
    assertThat(
            settings(
                "REDIS_AUTHENTICATION=password & REDIS_PASSWORD=s3cret & QUERY_TOKEN=s3cret"
                    + " & DATABASE_URL=postgresql://suna:s3cret@db.example/suna"))
        .asString()
        .contains("Redis cache.example:6379")
        .doesNotContain("s3cret");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          # As a number, these digits are 6379.
          REDIS_PORT=٦٣٧٩ | REDIS_PORT must be 1 to 65535, was ٦٣٧٩
          # What may hold a secret is not shown.
          REDIS_AUTHENTICATION=IAM | REDIS_AUTHENTICATION must be none, password or iam, was something else
          QUERY_TOKEN=s3crét | QUERY_TOKEN: token must match [A-Za-z0-9._~+/-]+=*, was ***
          DATABASE_URL=postgresql://suna:s3c%ret@db.example/suna | DATABASE_URL: URL must be postgresql://user:password@host:port/name, with special characters percent-encoded, was ***
          REDIS_HOST=redis://default:s3cret@cache.example:6379 | REDIS_HOST must be a host name, or an IPv4 or IPv6 address without brackets, and no scheme or port, was ***@cache.example:6379
          # A bad flag is one fault, even if another check looks at it.
          REDIS_TLS=ture & REDIS_AUTHENTICATION=iam & REDIS_USER=metrics & REDIS_CACHE_NAME=suna | REDIS_TLS must be true or false, was ture
          REDIS_USER=metrics & REDIS_PASSWORD=s3cret | REDIS_USER is set, but REDIS_AUTHENTICATION=none does not use it; REDIS_PASSWORD is set, but REDIS_AUTHENTICATION=none does not use it
          REDIS_TLS=false & REDIS_AUTHENTICATION=iam | REDIS_TLS must be true with REDIS_AUTHENTICATION=iam, since ElastiCache takes tokens over TLS only, was false; REDIS_USER must be set with REDIS_AUTHENTICATION=iam, was empty; REDIS_CACHE_NAME must be set with REDIS_AUTHENTICATION=iam, was empty
          REDIS_PASSWORD_SECRET_ARN=arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf | REDIS_PASSWORD must be set with REDIS_PASSWORD_SECRET_ARN, was empty
          DATABASE_URL_SECRET_ARN=arn:aws:secretsmanager:us-west-2:123456789012:secret:redis-AbCdEf | DATABASE_URL must be set with DATABASE_URL_SECRET_ARN, was empty
          REDIS_AUTHENTICATION=password & REDIS_PASSWORD=s3cret & REDIS_PASSWORD_SECRET_ARN=s3cret | REDIS_PASSWORD_SECRET_ARN must be the ARN of a Secrets Manager secret, optionally followed by :SecretString:KEY:STAGE:VERSION, was something else
          ECS_WORKER_SERVICE=suna-worker-svc | ECS_CLUSTER must be set with ECS_WORKER_SERVICE, was empty
          QUEUE_NAMES=default, | QUEUE_NAMES must be queue names separated by commas: queue name must match [A-Za-z_][A-Za-z0-9._-]*, was ''
          QUEUE_NAMES=default.DQ | QUEUE_NAMES must be queue names separated by commas: queue name must be that of a queue, not of its delayed (.DQ) or dead (.XQ) part, was 'default.DQ'
          QUEUE_NAMES=a:b,default,c d | QUEUE_NAMES must be queue names separated by commas: queue name must match [A-Za-z_][A-Za-z0-9._-]*, was 'a:b'; QUEUE_NAMES must be queue names separated by commas: queue name must match [A-Za-z_][A-Za-z0-9._-]*, was 'c d'
          QUEUE_NAMES=slow,default, slow | QUEUE_NAMES must name each queue once, or its messages count twice: slow came again
          REDIS_AUTHENTICATION=password | REDIS_PASSWORD must be set with REDIS_AUTHENTICATION=password, was empty
          DATABASE_URL=mysql://suna:s3cret@db.example/suna | DATABASE_URL: URL must be postgresql://user:password@host:port/name, with special characters percent-encoded, was ***
          # All faults come in one message.
          REDIS_HOST= & REDIS_PORT=637900 & REDIS_TLS=on & QUEUE_NAMES=default, & SERVICE_NAME=: & ECS_WORKER_SERVICE=a b & QUERY_TOKEN=s3cret s3cret | REDIS_HOST must be a host name, or an IPv4 or IPv6 address without brackets, and no scheme or port, was empty; REDIS_PORT must be 1 to 65535, was 637900; REDIS_TLS must be true or false, was on; QUEUE_NAMES must be queue names separated by commas: queue name must match [A-Za-z_][A-Za-z0-9._-]*, was ''; SERVICE_NAME must be 1 to 1024 printable ASCII characters, not beginning with a colon, was :; ECS_WORKER_SERVICE must be a name of 1 to 255 letters, digits, _ and -, was a b; ECS_CLUSTER must be set with ECS_WORKER_SERVICE, was empty; QUERY_TOKEN: token must match [A-Za-z0-9._~+/-]+=*, was ***
          REDIS_DB=10 & QUEUE_NAME=slow | QUEUE_NAME is not a setting here, expected QUEUE_NAMES; REDIS_DB is not a setting here, expected REDIS_DATABASE
          """)
  void faultIsNamed(String variables, String message) {
    assertFault(message, variables);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          REDIS_DB        | REDIS_DATABASE
          REDIS_SSL       | REDIS_TLS
          REDIS_URL       | REDIS_HOST, REDIS_PORT, REDIS_DATABASE, REDIS_TLS, REDIS_USER, REDIS_PASSWORD
          REDIS_USERNAME  | REDIS_USER
          REDIS_HOTS      | REDIS_AUTHENTICATION, REDIS_CACHE_NAME, REDIS_DATABASE, REDIS_HOST, REDIS_PASSWORD, REDIS_PASSWORD_SECRET_ARN, REDIS_PORT, REDIS_SERVERLESS, REDIS_TLS, REDIS_USER
          REDIS_CLUSTER   | REDIS_AUTHENTICATION, REDIS_CACHE_NAME, REDIS_DATABASE, REDIS_HOST, REDIS_PASSWORD, REDIS_PASSWORD_SECRET_ARN, REDIS_PORT, REDIS_SERVERLESS, REDIS_TLS, REDIS_USER
          QUEUES          | QUEUE_NAMES
          QUEUE_NAME      | QUEUE_NAMES
          DRAMATIQ_QUEUES | QUEUE_NAMES
          DRAMATIQ_NS     | DRAMATIQ_NAMESPACE
          ECS_SERVICE     | ECS_CLUSTER, ECS_WORKER_SERVICE
          """)
  void variableThatOnlyLooksLikeASettingIsRefusedWithTheOneThatWasMeant(
      String variable, String meant) {
    assertFault(
        "%s is not a setting here, expected %s".formatted(variable, meant),
        variable + "=rediss://default:s3cret@cache.example");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ECS_CONTAINER_METADATA_URI",
        "ECS_CONTAINER_METADATA_URI_V4",
        "ECS_CONTAINER_METADATA_FILE",
        "ECS_AGENT_URI",
        "AWS_REGION",
        "PATH",
        "QUEUEING",
        "MY_REDIS_URL",
        "redis_url"
      })
  void variableOfOthersIsLeftToThem(String variable) {
    assertThat(settings(variable + "=http://169.254.170.2/v4")).isEqualTo(DEFAULTS);
  }
}
