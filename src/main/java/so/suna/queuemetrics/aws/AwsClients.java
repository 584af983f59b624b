package so.suna.queuemetrics.aws;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Clock;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import so.suna.queuemetrics.ecs.EcsApi;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.PartitionMetadata;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClientBuilder;

/** The ways to AWS, which share an HTTP client, the keys and the region. Opens no connection. */
public final class AwsClients {

  private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  private final Map<String, String> environment;
  private final SdkHttpClient http;
  private final AwsCredentialsProvider credentials;
  private final Region region;

  public AwsClients(Map<String, String> environment) {
    this(
        environment,
        DefaultCredentialsProvider.builder().build(),
        new DefaultAwsRegionProviderChain().getRegion());
  }

  AwsClients(Map<String, String> environment, AwsCredentialsProvider credentials, Region region) {
    this(environment, credentials, region, UrlConnectionHttpClient.create(AwsClients::connection));
  }

  AwsClients(
      Map<String, String> environment,
      AwsCredentialsProvider credentials,
      Region region,
      SdkHttpClient http) {
    this.http = http;
    this.environment = environment;
    this.credentials = credentials;
    this.region = region;
  }

  /** With these nothing leaves the process, and nobody's keys sign. */
  public static AwsClients forRehearsal(Map<String, String> environment) {
    return new AwsClients(
        environment,
        StaticCredentialsProvider.create(AwsBasicCredentials.create("nobody", "nothing")),
        new DefaultAwsRegionProviderChain().getRegion(),
        new InMemoryAws());
  }

  public CloudWatchClient cloudWatch() {
    return cloudWatch(CloudWatchClient.builder());
  }

  CloudWatchClient cloudWatch(CloudWatchClientBuilder builder) {
    return builder
        .httpClient(http)
        .credentialsProvider(credentials)
        .region(region)
        .overrideConfiguration(
            calls ->
                calls
                    .retryStrategy(AwsRetryStrategy.standardRetryStrategy())
                    .apiCallAttemptTimeout(ATTEMPT_TIMEOUT)
                    .apiCallTimeout(CALL_TIMEOUT))
        .build();
  }

  public EcsApi ecs() {
    URI endpoint =
        Stream.of("AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL")
            .flatMap(name -> Optional.ofNullable(environment.get(name)).stream())
            .findFirst()
            .map(URI::create)
            .orElseGet(
                () ->
                    URI.create(
                        "https://ecs.%s.%s"
                            .formatted(region.id(), PartitionMetadata.of(region).dnsSuffix())));
    return new EcsApi(http, credentials, region.id(), endpoint, Clock.systemUTC());
  }

  /** With the JDK's TLS, where the SDK's own way makes a context for each client. */
  private static HttpURLConnection connection(URI uri) {
    try {
      var connection = (HttpURLConnection) uri.toURL().openConnection();
      connection.setConnectTimeout((int) ATTEMPT_TIMEOUT.toMillis());
      connection.setReadTimeout((int) ATTEMPT_TIMEOUT.toMillis());
      return connection;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
