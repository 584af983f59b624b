package so.suna.queuemetrics.aws;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.AbortableInputStream;
import software.amazon.awssdk.http.ExecutableHttpRequest;
import software.amazon.awssdk.http.HttpExecuteRequest;
import software.amazon.awssdk.http.HttpExecuteResponse;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.SdkHttpResponse;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchClient;
import software.amazon.awssdk.services.ecs.EcsClient;

/** Which hosts the clients of CloudWatch and ECS call, by region and by the SDK's settings. */
@Isolated("sets system properties that every client of the SDK reads")
class AwsClientsTest {

  private final Properties before = new Properties();

  @BeforeEach
  void keepProperties() {
    before.putAll(System.getProperties());
  }

  @AfterEach
  void resetProperties() {
    System.setProperties(before);
  }

  /** Remembers which host it is to call, and answers with an empty success. */
  private static final class Listener implements SdkHttpClient {
    private final List<String> hosts = new ArrayList<>();

    @Override
    public ExecutableHttpRequest prepareRequest(HttpExecuteRequest request) {
      hosts.add(request.httpRequest().host());
      boolean cbor = request.httpRequest().firstMatchingHeader("smithy-protocol").isPresent();
      var body = new ByteArrayInputStream(cbor ? EMPTY_CBOR_MAP : "{}".getBytes(US_ASCII));
      var response = SdkHttpResponse.builder().statusCode(200);
      if (cbor) {
        response.putHeader("smithy-protocol", "rpc-v2-cbor");
      }
      return new ExecutableHttpRequest() {
        @Override
        public HttpExecuteResponse call() {
          return HttpExecuteResponse.builder()
              .response(response.build())
              .responseBody(AbortableInputStream.create(body))
              .build();
        }

        @Override
        public void abort() {}
      };
    }

    @Override
    public void close() {
      throw new AssertionError("closed what others share");
    }
  }

  private static final byte[] EMPTY_CBOR_MAP = {(byte) 0xa0};

  private static AwsClients clients(SdkHttpClient http, String region) {
    return new AwsClients(http, AnonymousCredentialsProvider.create(), Region.of(region));
  }

  private static String hostOfCloudWatch(String region) {
    var http = new Listener();
    try (CloudWatchClient client = clients(http, region).cloudWatch()) {
      client.putMetricData(request -> request.namespace("Kortix"));
    }
    return String.join(" ", http.hosts);
  }

  private static String hostOfEcs(String region) {
    var http = new Listener();
    try (EcsClient client = clients(http, region).ecs()) {
      client.describeServices(request -> request.services("s"));
    }
    return String.join(" ", http.hosts);
  }

  @ParameterizedTest
  @CsvSource({
    "us-west-2, amazonaws.com",
    "cn-north-1, amazonaws.com.cn",
    "eu-isoe-west-1, cloud.adc-e.uk",
  })
  void bothAreThoseOfTheRegion(String region, String suffix) {
    assertThat(hostOfCloudWatch(region)).isEqualTo("monitoring.%s.%s".formatted(region, suffix));
    assertThat(hostOfEcs(region)).isEqualTo("ecs.%s.%s".formatted(region, suffix));
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
    assertThat(hostOfCloudWatch("us-west-2")).isEqualTo(cloudWatch);
    assertThat(hostOfEcs("us-west-2")).isEqualTo(ecs);
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
    assertThat(hostOfCloudWatch("us-west-2")).isEqualTo(cloudWatch);
    assertThat(hostOfEcs("us-west-2")).isEqualTo(ecs);
  }

  @Test
  void whatIsNoAddressFailsNamingTheSetting() {
    System.setProperty("aws.endpointUrlEcs", "127.0.0.1:4566");
    assertThatThrownBy(() -> hostOfEcs("us-west-2"))
        .isInstanceOf(SdkClientException.class)
        .hasMessage("An invalid URI was configured in system property aws.endpointUrlEcs");
  }

  @Test
  void restOfABodyIsNotReadInTheBackground() {
    System.setProperty("aws.region", "us-west-2");

    AwsClients.ofThisFunction();

    assertThat(System.getProperty("http.KeepAlive.remainingData")).isEqualTo("0");
  }

  @Test
  void fewTlsSessionsAreKept() throws NoSuchAlgorithmException {
    System.setProperty("aws.region", "us-west-2");

    AwsClients.ofThisFunction();

    assertThat(SSLContext.getDefault().getClientSessionContext().getSessionCacheSize())
        .isEqualTo(4);
  }
}
