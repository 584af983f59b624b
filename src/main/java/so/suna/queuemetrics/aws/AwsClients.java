package so.suna.queuemetrics.aws;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentialsProvider;
import software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.endpoint.AwsClientEndpointProvider;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.profiles.ProfileFile;
import software.amazon.awssdk.profiles.ProfileFileSystemSetting;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClientBuilder;

/**
 * The ways to AWS, which share an HTTP client, the keys and the region. Opens no connection. Safe
 * for use by several threads.
 *
 * <p>Keys, region and addresses come from where the SDK's own clients look for them, for CloudWatch
 * and ECS alike: system properties, the environment of the process (not a map like the other
 * settings, which the SDK would not see) and profiles. So {@code AWS_ENDPOINT_URL}, the same for
 * one service, {@code AWS_USE_FIPS_ENDPOINT} and {@code AWS_USE_DUALSTACK_ENDPOINT} count; {@code
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS} does not, as in all clients of the SDK for Java. A proxy is
 * used where Java's own properties name one ({@code https.proxyHost}); {@code HTTPS_PROXY} and
 * {@code NO_PROXY} are not looked at.
 */
public record AwsClients(SdkHttpClient http, AwsCredentialsProvider credentials, Region region) {

  private static final Duration ATTEMPT_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  /**
   * With the keys of this function's role.
   *
   * @throws SdkClientException if there is no region
   */
  public static AwsClients ofThisFunction() {
    return of(
        DefaultCredentialsProvider.builder().build(),
        new DefaultAwsRegionProviderChain().getRegion());
  }

  static AwsClients of(AwsCredentialsProvider credentials, Region region) {
    return new AwsClients(
        UrlConnectionHttpClient.create(AwsClients::connection), credentials, region);
  }

  /**
   * With these nothing leaves the process, and nobody's keys sign.
   *
   * @throws SdkClientException if there is no region
   */
  public static AwsClients forRehearsal() {
    return new AwsClients(
        new InMemoryAws(),
        StaticCredentialsProvider.create(AwsBasicCredentials.create("nobody", "nothing")),
        new DefaultAwsRegionProviderChain().getRegion());
  }

  /**
   * A client to be closed, which leaves the HTTP client open. An attempt ends after 2 s, a call
   * after 5 s.
   *
   * @throws SdkClientException if a setting is no address at all
   */
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

  /**
   * Where ECS is. It may lack a part, such as the host, as it may for CloudWatch's client.
   *
   * @throws SdkClientException if a setting is no address at all
   */
  public URI ecsEndpoint() {
    // Meant for the SDK's own clients, but CloudWatch's has it loaded already, and the public
    // ServiceMetadata knows none of the settings.
    return AwsClientEndpointProvider.builder()
        .serviceEndpointOverrideEnvironmentVariable("AWS_ENDPOINT_URL_ECS")
        .serviceEndpointOverrideSystemProperty("aws.endpointUrlEcs")
        .serviceProfileProperty("ecs")
        .serviceEndpointPrefix("ecs")
        .defaultProtocol("https")
        .region(region)
        .profileFile(ProfileFile::defaultProfileFile)
        .profileName(ProfileFileSystemSetting.AWS_PROFILE.getStringValueOrThrow())
        .build()
        .clientEndpoint();
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
