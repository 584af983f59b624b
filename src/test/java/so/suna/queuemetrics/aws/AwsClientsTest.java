package so.suna.queuemetrics.aws;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.api.util.RestoreSystemProperties;
import org.junit.jupiter.api.util.SetSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.core.exception.NonRetryableException;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.ecs.EcsClient;

/** Which hosts the clients of CloudWatch and ECS call, by region and by the SDK's settings. */
@RestoreSystemProperties
@SetSystemProperty(key = "aws.region", value = "us-west-2")
@Isolated("sets system properties that every client of the SDK reads")
class AwsClientsTest {

  /** Remembers which host it is to call, and calls none. */
  private static final class Listener implements SdkHttpClient {
    private final List<String> hosts = new ArrayList<>();

    @Override
    public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
      hosts.add(request.httpRequest().host());
      throw NonRetryableException.create("not called");
    }

    @Override
    public void close() {
      throw new AssertionError("closed what others share");
    }
  }

  /** What the clients of CloudWatch and of ECS call. */
  private static List<String> hosts(String region) {
    var http = new Listener();
    var clients = new AwsClients(http, AnonymousCredentialsProvider.create(), Region.of(region));
    try (CloudWatchClient cloudWatch = clients.cloudWatch();
        EcsClient ecs = clients.ecs()) {
      assertThatThrownBy(() -> cloudWatch.putMetricData(request -> request.namespace("Kortix")))
          .hasMessageStartingWith("not called");
      assertThatThrownBy(() -> ecs.describeServices(request -> request.services("s")))
          .hasMessageStartingWith("not called");
    }
    return http.hosts;
  }

  @ParameterizedTest
  @CsvSource({
    "us-west-2, amazonaws.com",
    "cn-north-1, amazonaws.com.cn",
    "eu-isoe-west-1, cloud.adc-e.uk",
  })
  void bothAreThoseOfTheRegion(String region, String suffix) {
    assertThat(hosts(region))
        .containsExactly(
            "monitoring.%s.%s".formatted(region, suffix), "ecs.%s.%s".formatted(region, suffix));
  }

  @ParameterizedTest
  @CsvSource({
    "aws.useFipsEndpoint, true, monitoring-fips.us-west-2.amazonaws.com, ecs-fips.us-west-2.amazonaws.com",
    "aws.useDualstackEndpoint, true, monitoring.us-west-2.api.aws, ecs.us-west-2.api.aws",
    "aws.endpointUrl, http://both:1, both, both",
    "aws.endpointUrlEcs, http://other:1, monitoring.us-west-2.amazonaws.com, other",
    "aws.endpointUrlCloudWatch, http://other:1, other, ecs.us-west-2.amazonaws.com",
  })
  void bothGoByTheSdksSettings(String property, String value, String cloudWatch, String ecs) {
    System.setProperty(property, value);
    assertThat(hosts("us-west-2")).containsExactly(cloudWatch, ecs);
  }

  @ParameterizedTest
  @CsvSource({"all, both, both", "each, watch, services"})
  void bothGoByTheProfile(String profile, String cloudWatch, String ecs, @TempDir Path directory)
      throws IOException {
    Path file =
        Files.writeString(
            directory.resolve("config"),
            """
            [profile all]
            endpoint_url = http://both
            [profile each]
            services = mine
            [services mine]
            ecs =
              endpoint_url = http://services
            cloudwatch =
              endpoint_url = http://watch
            """);
    System.setProperty("aws.configFile", file.toString());
    System.setProperty("aws.profile", profile);
    assertThat(hosts("us-west-2")).containsExactly(cloudWatch, ecs);
  }

  @Test
  void whatIsNoAddressFailsNamingTheSetting() {
    System.setProperty("aws.endpointUrlEcs", "127.0.0.1:4566");
    assertThatThrownBy(() -> hosts("us-west-2"))
        .isInstanceOf(SdkClientException.class)
        .hasMessage("An invalid URI was configured in system property aws.endpointUrlEcs");
  }

  @Test
  void restOfABodyIsNotReadInTheBackground() {
    AwsClients.ofThisFunction();
    assertThat(System.getProperty("http.KeepAlive.remainingData")).isEqualTo("0");
  }

  @Test
  void fewTlsSessionsAreKept() throws NoSuchAlgorithmException {
    AwsClients.ofThisFunction();
    assertThat(SSLContext.getDefault().getClientSessionContext().getSessionCacheSize())
        .isEqualTo(4);
  }
}
